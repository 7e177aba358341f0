"""Duration of the test command `./infra/test.sh --full`: also slow exercises, a soak, and kind if an engine answers."""

from __future__ import annotations

from benchmarks.figures.suite import minutes
from benchmarks.measuring import Values

STACK = "none"
RUNS = 1
FIGURES = {"duration": "min"}


def measure(run: int) -> Values:
    """Run the whole suite with its slow tests."""
    yield "duration", minutes("full", run)
