"""The environment of the tests, without what the shell of the person who runs them sets for other programs."""

from __future__ import annotations

import os

from workshop.base import environment

COLOURS = ("CLICOLOR_FORCE", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")  # tests read output without colours


def leave_out() -> None:
    """Remove variables that programs under test would obey, from this process and what it starts."""
    for name in list(os.environ):
        if name in COLOURS or name.startswith("KAFKA_"):
            del os.environ[name]
    environment.isolate()
