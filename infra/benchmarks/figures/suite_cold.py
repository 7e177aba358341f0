"""Duration of the test command `./infra/test.sh` with an empty cache, so that everything is downloaded and compiled."""

from __future__ import annotations

from benchmarks.figures.suite import minutes
from benchmarks.measuring import Values

STACK = "none"
RUNS = 1
FIGURES = {"duration": "min"}


def measure(run: int) -> Values:
    """Run the whole suite."""
    yield "duration", minutes("cold", run)
