"""Shutdown of a process within a time limit."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType

log = logging.getLogger(__name__)
FAILED = 1


def within(seconds: float) -> None:
    """Terminate this process after the given time if it is still running then."""
    timer = threading.Timer(seconds, _give_up, [seconds])
    timer.daemon = True
    timer.start()


def told(seconds: float) -> list[int]:
    """Return a list that stays empty until SIGTERM or SIGINT.

    From the signal on, the shutdown must end within the given number of seconds.
    """
    leaving: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if not leaving:
            within(seconds)
        leaving.append(number)

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return leaving


def _give_up(seconds: float) -> None:
    log.error("The shutdown took longer than %g seconds; the process is terminated.", seconds)
    # Hanging threads are not waited for. Acknowledged writes are safe, and brokers abort open transactions.
    os._exit(FAILED)
