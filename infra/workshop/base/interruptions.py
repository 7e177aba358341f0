"""Ctrl-C, SIGTERM and SIGHUP of a command: each becomes an exception that cleans up and ends in a sentence."""

from __future__ import annotations

import os
import signal
import stat
from types import FrameType

from workshop.base import streams

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WORDS = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated", signal.SIGHUP: "The terminal was closed"}


class Interrupted(KeyboardInterrupt):
    """A signal that ends the command; `number` says which."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number


def install() -> None:
    """Raise `Interrupted` on each of the signals; `nohup`, which ignores SIGHUP, stays in force."""
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def number_of(error: KeyboardInterrupt) -> int:
    """The signal behind an interruption; a plain KeyboardInterrupt is Ctrl-C."""
    return getattr(error, "number", signal.SIGINT)


def exit_code(error: KeyboardInterrupt) -> int:
    """128 and the signal's number, as shells have it: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + number_of(error)


def sentence(error: KeyboardInterrupt) -> str:
    """What the user reads."""
    said = WORDS[signal.Signals(number_of(error))]
    return f"{said}. Partial work was cleaned up; run the same command again to resume."


def _was_terminal(descriptor: int) -> bool:
    """A terminal that has hung up is one no longer for `isatty`, and writing to it is an error."""
    return stat.S_ISCHR(os.fstat(descriptor).st_mode)


def _raise(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        streams.silence(*(descriptor for descriptor in (1, 2) if _was_terminal(descriptor)))
    raise Interrupted(number)
