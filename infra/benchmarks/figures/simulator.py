"""Duration of the simulator for the full set of 1,754,155 payments, with one worker and with two, measured alternately."""

from __future__ import annotations

import payments_simulator
from workshop.base.errors import WorkshopError

from benchmarks.measuring import Values, seconds

STACK = "none"
RUNS = 5
FIGURES = {"one worker": "s", "two workers": "s"}


def simulate(workers: int) -> None:
    """Simulate the full set.

    Raises:
        WorkshopError: the set has another number of rows than the published one.
    """
    rows = len(payments_simulator.simulate(workers=workers))
    if rows != 1_754_155:
        raise WorkshopError(f"The simulated set has {rows} rows: it is not the published one.")


def measure(run: int) -> Values:
    """Simulate with one worker, then with two."""
    for figure, workers in zip(FIGURES, (1, 2), strict=True):
        yield figure, seconds(lambda: simulate(workers))  # noqa: B023 - called at once
