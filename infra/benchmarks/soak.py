"""Random faults, one or two at a time, under load: lost and duplicated payments, write gaps and latency.

Usage, after `workshop up`: .venv/bin/python infra/benchmarks/soak.py [--runs N] [--minutes M] [--first-seed S]

Each run has its own seed, which determines its faults and their targets: `workshop chaos soak --seed S` repeats it. A row is
printed at the end of each run; for an aborted run it contains the reason, and the run counts as not kept.
"""

from __future__ import annotations

import argparse
import itertools
import time

import workshop
from measuring import spread
from workshop.base.errors import WorkshopError
from workshop.chaos import day as days
from workshop.chaos import faults
from workshop.chaos.day import Day
from workshop.chaos.report import seconds
from workshop.notebook.connection import Connection

WHEN = ("before", "during", "after")


def soak(ws: Connection, seed: int, minutes: float) -> Day:
    """Run one day; new faults start for the given number of minutes."""
    until = time.monotonic() + minutes * 60
    steps = itertools.takewhile(lambda _: time.monotonic() < until, faults.plan(seed))
    return days.play(ws, steps, seed=seed)


def row(seed: int, day: Day) -> str:
    """Return a run as a line: steps, payments, lost and debited twice, and figures around faults."""
    found, result = day.figures(), day.result
    assert result is not None  # set at the end of the run
    p95 = ", ".join(seconds(found[word].p95) for word in WHEN)
    return (
        f"seed {seed:2}: {len(day.steps):2} steps, {len(day.entries):,} payments, lost {len(result.lost)}, "
        f"twice {len(result.twice)}, kept {day.kept}; longest write gap {seconds(found['during'].gap)}; p95 {p95}"
    )


def main() -> None:
    """Run the benchmark; print a row per run and a summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--first-seed", type=int, default=1)
    options = parser.parse_args()
    ws, done = workshop.connect(), []
    for seed in range(options.first_seed, options.first_seed + options.runs):
        try:
            day = soak(ws, seed, options.minutes)
        except WorkshopError as error:
            print(f"seed {seed:2}: not kept. {' '.join(error.lines())}", flush=True)
            continue
        print(row(seed, day), flush=True)
        done.append(day)
    print(
        f"kept in {sum(day.kept for day in done)} of {options.runs} runs, {sum(len(d.entries) for d in done):,} payments"
    )
    if done:
        print(f"longest write gap of a run: {spread([day.figures()['during'].gap for day in done], digits=1)}")
        for word in WHEN:
            print(f"p95 {word}: {spread([day.figures()[word].p95 * 1000 for day in done], 'ms', 0)}")


if __name__ == "__main__":
    main()
