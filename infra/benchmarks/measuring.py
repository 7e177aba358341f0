"""What the benchmarks of both backends share."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def spread(numbers: list[float], unit: str = "s", digits: int = 2) -> str:
    """Median, and from where to where."""
    middle, least, most = (
        f"{number:.{digits}f}" for number in (statistics.median(numbers), min(numbers), max(numbers))
    )
    return f"{middle} {unit} ({least} to {most}), {len(numbers)} run{'s' * (len(numbers) != 1)}"


def timed(env: dict[str, str], *words: str) -> float:
    """Seconds that the command `workshop` takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "workshop.cli.main", *words], env=env, check=True, capture_output=True)
    return time.perf_counter() - began
