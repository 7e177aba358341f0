"""Start from a bundle without a network, by `bundle.sh`: size, duration, and disk space afterwards.

The environment variable BUNDLE names the folder of the bundle. Best as an ordinary user; needs `unshare` and `ip`. A run ends
with lesson 00, solved.
"""

from __future__ import annotations

import os

from workshop.base.errors import WorkshopError

from benchmarks.measuring import Values
from benchmarks.shell import script

STACK = "none"
RUNS = 1
FIGURES = {"size": "MB", "files": "files", "start": "s", "packages": "s", "disk": "GB"}


def measure(run: int) -> Values:
    """Start in an empty home folder.

    Raises:
        WorkshopError: BUNDLE is not set, or the script failed.
    """
    if not (bundle := os.environ.get("BUNDLE")):
        raise WorkshopError(
            "The environment variable BUNDLE is not set.",
            "Run `workshop bundle DIR`, then `BUNDLE=DIR .venv/bin/python infra/benchmarks/run.py bundle`.",
        )
    yield from script("bundle.sh", bundle)
