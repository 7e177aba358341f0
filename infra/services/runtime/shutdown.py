"""How a process leaves when it is told to: in good time, or else at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType

log = logging.getLogger(__name__)
FAILED = 1


def within(seconds: float) -> None:
    """End this process, whatever it waits for, if it is still there then."""
    timer = threading.Timer(seconds, _give_up, [seconds])
    timer.daemon = True
    timer.start()


def told(seconds: float) -> list[int]:
    """A list that is empty until SIGTERM or SIGINT comes; from then on the process has so many seconds."""
    leaving: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if not leaving:
            within(seconds)
        leaving.append(number)

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return leaving


def _give_up(seconds: float) -> None:
    log.error("The service had not left %g seconds after it was told to, and is ended.", seconds)
    os._exit(FAILED)  # what hangs is not asked; what was acknowledged is safe, and open transactions are put away
