"""Random faults, one or two at a time, under load for two minutes: lost and duplicated payments, write gaps and latency.

Each run has its own seed, run 1 the seed 1. It determines faults and targets; `workshop chaos soak --seed S` repeats a run.
"""

from __future__ import annotations

import itertools
import math
import time

import workshop
from workshop.chaos import day as days
from workshop.chaos import faults

from benchmarks.measuring import Values

STACK = "running"
RUNS = 10
FIGURES = {
    "payments": "payments",
    "lost": "payments",
    "debited twice": "payments",
    "write gap": "s",
    "p95 before": "s",
    "p95 during": "s",
    "p95 after": "s",
    "kept": "",
}
MINUTES = 2  # new faults start for this time


def measure(run: int) -> Values:
    """Run one day."""
    seed = run + 1
    until = time.monotonic() + MINUTES * 60
    steps = itertools.takewhile(lambda _: time.monotonic() < until, faults.plan(seed))
    day = days.play(workshop.connect(), steps, seed=seed)
    assert day.result is not None  # set at the end of the day
    yield "payments", len(day.entries)
    yield "lost", len(day.result.lost)
    yield "debited twice", len(day.result.twice)
    yield "kept", day.kept
    found = day.figures()
    yield "write gap", found["during"].gap
    for word in ("before", "during", "after"):
        if math.isfinite(found[word].p95):  # without an acknowledgement in this period there is none
            yield f"p95 {word}", found[word].p95
