"""Handling of Ctrl-C, SIGTERM and SIGHUP in a command: an exception, cleanup and a message."""

from __future__ import annotations

import os
import signal
import stat
from types import FrameType

from workshop.base import streams

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WORDS = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated", signal.SIGHUP: "The terminal was closed"}


class Interrupted(KeyboardInterrupt):
    """The command was ended by the signal `number`."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number


def install() -> None:
    """Raise `Interrupted` on each of the signals; under `nohup`, SIGHUP stays ignored."""
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def number_of(error: KeyboardInterrupt) -> int:
    """Return the number of the signal behind an interruption; a plain KeyboardInterrupt is Ctrl-C."""
    return getattr(error, "number", signal.SIGINT)


def exit_code(error: KeyboardInterrupt) -> int:
    """Return 128 plus the signal's number, as shells do: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + number_of(error)


def sentence(error: KeyboardInterrupt) -> str:
    """Return the message for the user."""
    said = WORDS[signal.Signals(number_of(error))]
    return f"{said}. Partial work was cleaned up; run the same command again to resume."


def _was_terminal(descriptor: int) -> bool:
    """Return whether a descriptor is a terminal, or was one before a hang-up.

    After a hang-up, `isatty` returns False and writes fail.
    """
    return stat.S_ISCHR(os.fstat(descriptor).st_mode)


def _raise(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        streams.silence(*(descriptor for descriptor in (1, 2) if _was_terminal(descriptor)))
    raise Interrupted(number)
