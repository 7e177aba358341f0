"""Benchmarks that are shell scripts: a line `= FIGURE: NUMBER` of their output is a value."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from workshop.base.errors import WorkshopError

from benchmarks.measuring import Values

HERE = Path(__file__).resolve().parent
VALUE = re.compile(r"^= (.+): ([\d.]+)$", re.MULTILINE)
TAIL = 2000  # characters of the output in an error


def values(text: str) -> dict[str, float]:
    """Return the values in the output of a script."""
    return {figure: float(number) for figure, number in VALUE.findall(text)}


def script(name: str, *arguments: str) -> Values:
    """Run a script of this folder and yield its values.

    Raises:
        WorkshopError: the script failed, or printed no value.
    """
    command = ["sh", str(HERE / name), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    yield from values(done.stdout).items()
    if done.returncode or not values(done.stdout):
        raise WorkshopError(f"`{name}` ended with exit code {done.returncode}.", detail=done.stdout[-TAIL:])
