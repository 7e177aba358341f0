"""Run a benchmark and write its result.

Usage: .venv/bin/python infra/benchmarks/run.py NAME [--runs N]
       .venv/bin/python infra/benchmarks/run.py --list

Each run is written to `results/NAME.json` when it ends, with its raw values and the load average; see `results.py`. Then
`page.py` generates docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import pkgutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import workshop
from workshop.base.errors import WorkshopError

from benchmarks import figures, machine, results
from benchmarks.results import Measured, Run
from benchmarks.text import summary_text

ROOT = Path(__file__).resolve().parents[2]
RUNS = 3


def names() -> list[str]:
    """Return the names of all benchmarks."""
    return sorted(module.name for module in pkgutil.iter_modules(figures.__path__))


def load(name: str) -> ModuleType:
    """Return the module of a benchmark.

    Raises:
        WorkshopError: there is no such benchmark.
    """
    if name not in names():
        raise WorkshopError(f"There is no benchmark '{name}'.", "`run.py --list` prints all.")
    return importlib.import_module(f"benchmarks.figures.{name}")


def one_run(module: ModuleType, number: int) -> Run:
    """Run a benchmark once; an aborted run keeps the values measured before, and the reason."""
    began, load_begin = datetime.now(UTC), os.getloadavg()[0]
    values: dict[str, float] = {}
    failed = ""
    try:
        for figure, value in module.measure(number):
            if figure not in module.FIGURES:
                raise AssertionError(f"{module.__name__}.FIGURES has no '{figure}'")
            if not math.isfinite(value):
                raise WorkshopError(f"The figure '{figure}' is {value}.")
            values[figure] = float(value)
    except WorkshopError as error:
        failed = " ".join(error.lines())
    ended, load_end = datetime.now(UTC), os.getloadavg()[0]
    return Run(began=began, ended=ended, load_begin=load_begin, load_end=load_end, values=values, failed=failed)


def run(name: str, runs: int | None = None, folder: Path = results.FOLDER) -> Measured:
    """Run a benchmark, write its result after each run, and return the measurement.

    Raises:
        WorkshopError: the benchmark or its stack is missing, an existing result is damaged, or no run gave a value.
    """
    module = load(name)
    results.read(name, folder)  # a damaged file is refused before minutes of measuring
    backend = {"running": lambda: workshop.connect().backend, "none": lambda: None}.get(
        module.STACK, lambda: module.STACK
    )()
    commit, changed = machine.commit(ROOT)
    if getattr(module, "WARM_UP", False):
        print(f"warm-up, not counted: {_told(module, one_run(module, 0))}", flush=True)
    done: list[Run] = []
    count = int(getattr(module, "RUNS", RUNS)) if runs is None else runs
    for number in range(count):
        done.append(one_run(module, number))
        print(f"run {number + 1}: {_told(module, done[-1])}", flush=True)
        found = Measured(
            transcribed=False,
            backend=backend,
            machine=machine.machine(),
            nice=os.nice(0),
            commit=commit,
            changed=changed,
            runs=done,
        )
        if found.names():  # an aborted first run does not replace an earlier result
            results.add(name, module.FIGURES, found, folder)
    if not found.names():
        raise WorkshopError(
            f"No run of '{name}' gave a value; {folder / name}.json is as before.", detail=done[-1].failed
        )
    return found


def _told(module: ModuleType, one: Run) -> str:
    values = ", ".join(f"{name} {value:g} {module.FIGURES[name]}".rstrip() for name, value in one.values.items())
    failed = f"aborted: {one.failed}" if one.failed else ""
    return "; ".join(filter(None, (f"load {one.load_begin:.1f} to {one.load_end:.1f}", values, failed)))


def show(module: ModuleType, found: Measured) -> None:
    """Print median and spread of each figure."""
    for figure, unit in module.FIGURES.items():
        summary = found.summary(figure)
        told = f"{summary_text(summary, unit)}, runs: {summary.runs}" if summary else "not measured"
        print(f"{figure}: {told}")


def main(words: list[str] | None = None) -> int:
    """Run the requested benchmark and return the exit code: 1 if it cannot run, or a run was aborted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", metavar="NAME", help="the benchmark")
    parser.add_argument("--runs", type=int, metavar="N", help="number of runs (default: the benchmark's own)")
    parser.add_argument("--list", action="store_true", help="print all benchmarks")
    given = parser.parse_args(words)
    if given.list:
        for name in names():
            module = load(name)
            print(f"{name:16} {(module.__doc__ or '').partition(chr(10))[0]} Stack: {module.STACK}.")
        return 0
    if not given.name or (given.runs is not None and given.runs < 1):
        parser.error("give a NAME, and at least one run; `--list` prints the names")
    try:
        found = run(given.name, given.runs)
    except WorkshopError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return 1
    show(load(given.name), found)
    return 1 if any(one.failed for one in found.runs) else 0


if __name__ == "__main__":
    sys.exit(main())
