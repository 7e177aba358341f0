"""Helpers of the benchmarks: spread of figures, and duration of a command."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def spread(numbers: list[float], unit: str = "s", digits: int = 2) -> str:
    """Return median, minimum, maximum and number of runs as text."""
    middle, least, most = (
        f"{number:.{digits}f}" for number in (statistics.median(numbers), min(numbers), max(numbers))
    )
    return f"{middle} {unit} ({least} to {most}), {len(numbers)} run{'s' * (len(numbers) != 1)}"


def timed(env: dict[str, str], *words: str) -> float:
    """Return the duration in seconds of the command `workshop` with these arguments."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "workshop.cli.main", *words], env=env, check=True, capture_output=True)
    return time.perf_counter() - began
