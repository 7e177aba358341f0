"""First start from a fresh clone to the first event read back, by `fresh_clone.sh`: with an empty cache, and with packages.

"empty cache" includes downloads from the package index; for "cached packages" they are already in the installer's cache, and
the rest of the cache is empty.
"""

from __future__ import annotations

from benchmarks.measuring import Values
from benchmarks.shell import script

STACK = "local"
FIGURES = {"empty cache": "s", "cached packages": "s"}


def measure(run: int) -> Values:
    """Start twice."""
    yield from script("fresh_clone.sh")
