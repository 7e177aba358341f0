"""What ends a run of the suite: Ctrl-C, SIGTERM and the end of its terminal."""

from __future__ import annotations

import os
import signal

NOHUP = "WORKSHOP_SUITE_NOHUP"


def install() -> None:
    """Clean up after SIGTERM and SIGHUP as after a Ctrl-C.

    Under `nohup` SIGHUP has no effect. A handler that does nothing replaces the ignored signal, because programs would
    inherit the latter: what a test starts must get the default, as in a terminal. A variable tells the lanes of `nohup`.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        os.environ[NOHUP] = "1"
    signal.signal(signal.SIGHUP, _nothing if NOHUP in os.environ else signal.default_int_handler)


def _nothing(number: int, frame: object) -> None:
    """Do nothing on a signal."""
