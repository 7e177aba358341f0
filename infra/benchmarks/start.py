"""Start and memory of brokers, on state folders of its own, independent of running stacks.

Usage: .venv/bin/python infra/benchmarks/start.py [--runs N]

Prints, as minimum, median and maximum over the runs:
- start: from the first process to three registered brokers and a topic with three replicas, on empty folders;
- up again: the complete command `workshop up --no-lab` after `workshop down`, including its event read back;
- up on a running stack: the same command again;
- memory: the proportional set size of three idle brokers, together, in MB (Linux).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.kafka import topics
from workshop.stack import lifecycle
from workshop.stack.backends.local import Local

IDLE = 10.0  # seconds between the start and the measurement of the memory
QUIET = Console(quiet=True)


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of a call in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def start_brokers(settings: Settings) -> None:
    """Start brokers and create a topic, which the figure `start` measures."""
    backend = Local(settings)
    backend.up(Timeline(QUIET))
    backend.ready()
    topics.create(backend.endpoints()["kafka"], [topics.Topic("first", partitions=3, copies=3)])


def memory_mb(settings: Settings) -> float:
    """Return the proportional set size of the brokers: shared memory is divided among its users."""
    brokers = [process for name, process in Processes(settings.state).running().items() if name.startswith("kafka-")]
    return sum(process.memory_full_info().pss for process in brokers) / 1e6


def whole_command(settings: Settings, *words: str) -> Callable[[], object]:
    """Return a function that runs the command `workshop` in a process of its own."""
    env = {**os.environ, "WORKSHOP_STATE": str(settings.common)}
    program = [sys.executable, "-m", "workshop.cli.main", *words]
    return lambda: subprocess.run(program, env=env, check=True, capture_output=True)


def one_run(scratch: Path) -> dict[str, float]:
    """Return all figures of one stack, started from empty folders."""
    settings = replace(Settings.load(), state=scratch / "state").of("local")
    try:
        figures = {"start, s": seconds(lambda: start_brokers(settings))}
        time.sleep(IDLE)
        figures["memory of three idle brokers, MB (PSS)"] = memory_mb(settings)
        lifecycle.down(settings)
        up = whole_command(settings, "up", "--no-lab")
        figures["up again after down, s"] = seconds(up)
        figures["up on a running stack, s"] = seconds(up)
        return figures
    finally:
        lifecycle.down(settings)


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    figures: dict[str, list[float]] = {}
    for number in range(runs + 1):
        with tempfile.TemporaryDirectory() as scratch:
            found = one_run(Path(scratch))
        print(f"run {number}{' (warm-up, not counted)' if not number else ''}: {found}", file=sys.stderr)
        for name, value in found.items() if number else ():
            figures.setdefault(name, []).append(value)
    print(f"{'':42} {'min':>7} {'median':>7} {'max':>7}   ({runs} runs)")
    for name, values in figures.items():
        print(f"{name:42} {min(values):7.2f} {statistics.median(values):7.2f} {max(values):7.2f}")


if __name__ == "__main__":
    main()
