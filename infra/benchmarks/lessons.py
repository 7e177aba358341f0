"""Duration of each solved lesson without pauses, and memory of the brokers after all of them.

Usage, after `workshop up`: .venv/bin/python infra/benchmarks/lessons.py [--runs N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

import nbformat
import workshop
from start import memory_mb
from workshop.notebook.execute import client_of
from workshop.notebook.handout import solutions


def seconds(path: Path) -> float:
    """Return the duration of a lesson in seconds, including the start of its kernel."""
    client = client_of(nbformat.read(path, as_version=4), path)
    began = time.perf_counter()
    client.execute()
    return time.perf_counter() - began


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    os.environ["WORKSHOP_STRICT"] = "1"
    ws = workshop.connect()
    found: dict[str, list[float]] = {}
    for _ in range(runs):
        for path in solutions(ws.settings):
            found.setdefault(path.stem, []).append(seconds(path))
            print(f"{path.stem}: {found[path.stem][-1]:.1f} s", flush=True)
    print(f"{'seconds':24} {'min':>7} {'median':>7} {'max':>7}   ({runs} run{'s' * (runs != 1)})")
    for name, values in found.items():
        print(f"{name:24} {min(values):7.1f} {statistics.median(values):7.1f} {max(values):7.1f}")
    print(f"three brokers after all of them: {memory_mb(ws.settings):.0f} MB (PSS)")


if __name__ == "__main__":
    main()
