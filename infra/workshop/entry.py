"""The first lines that the command `workshop` runs: an interruption while it still loads ends it without a traceback."""

from __future__ import annotations

import os
import signal


def main() -> int:
    """Load the command and run it."""
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))
    from workshop import cli

    signal.signal(signal.SIGINT, signal.default_int_handler)
    return cli.main()
