"""Bounded waits: for a fixed time, or for as long as what is waited for makes progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from workshop.base.errors import WorkshopError
from workshop.base.machine import Load

T = TypeVar("T")
BUSY_SHARE = 1 / 3  # how much a second without progress counts while the machine has no processor or disk time to give
LOOK = 1.0  # seconds between two looks at the machine's load: a question each 10 ms must not cost more than its answer
LONGEST = 5  # how many times its patience a wait may last while there is progress


class Clock(Protocol):
    """What a wait reads the time from; a test hands in its own."""

    def monotonic(self) -> float:
        """Return seconds since some fixed moment."""

    def sleep(self, seconds: float) -> None:
        """Let that many seconds pass."""


@dataclass(frozen=True)
class Seen(Generic[T]):
    """What one look found.

    Attributes:
        missing: what is still waited for, as it stands after "waiting for": "worker-2 to be ready (2 of 4 nodes)".
        mark: progress is a value, together with `missing`, that was not seen before: what comes and goes is none.
        answer: something true ends the wait.
    """

    missing: str
    mark: Hashable = None
    answer: T | None = None


def over(answer: T) -> Seen[T]:
    """Return what a look says when nothing is missing any more."""
    return Seen("", answer=answer)


def nobody(text: str) -> None:
    """Tell nobody what is waited for."""


def keep_trying(
    attempt: Callable[[], T], passes: Callable[[WorkshopError], bool], what: str
) -> Callable[[], Seen[T | bool]]:
    """Return a look that makes an attempt: an error that may pass by itself counts as "not yet", others are raised.

    Args:
        what: what is waited for, as it stands after "waiting for"; the error's last line follows.
    """

    def look() -> Seen[T | bool]:
        try:
            return over(attempt() or True)
        except WorkshopError as error:
            if not passes(error):
                raise
            return Seen(f"{what} ({(error.detail or error.happened).splitlines()[-1].rstrip('.')})")

    return look


def wait_until(
    probe: Callable[[], T | None],
    timeout: float,
    what: str,
    *,
    next_step: str = "",
    detail: Callable[[], str] = lambda: "",
    every: float = 0.05,
    clock: Clock = time,
    busy: Callable[[], bool] | None = None,
) -> T:
    """Ask `probe` until it answers with something true, and return that.

    While the machine has no processor or disk time to give, a second counts a third: the wait may last three times as long.

    Args:
        probe: asks the protocol; None or False means "not yet". What it raises is raised here.
        timeout: seconds on a machine that has time to spare.
        what: what is waited for, as it stands after "waited for".
        detail: evaluated on a time-out, such as the tail of a log.
        every: seconds between two questions.
        busy: whether the machine was busy since it was last asked.

    Raises:
        WorkshopError: the time-out, with what was waited for.
    """
    busy = busy or Load().is_busy
    began = looked = clock.monotonic()
    counted = 0.0
    while True:
        answer = probe()
        if answer:
            return answer
        now = clock.monotonic()
        if now - looked >= min(LOOK, timeout):
            counted += (now - looked) * (BUSY_SHARE if busy() else 1)
            looked = now
        if counted > timeout:
            raise WorkshopError(f"Waited {now - began:.3g} s for {what}, and it did not come.", next_step, detail())
        clock.sleep(every)


def wait_while_progressing(
    look: Callable[[], Seen[T]],
    patience: float,
    *,
    longest: float | None = None,
    next_step: str = "",
    detail: Callable[[], str] = lambda: "",
    every: float = 0.1,
    tell: Callable[[str], None] = nobody,
    clock: Clock = time,
    busy: Callable[[], bool] | None = None,
) -> T:
    """Look until nothing is missing, and return the answer. Progress prolongs the wait, up to `longest` seconds.

    A slow machine and a dead program look the same to a fixed time-out. What tells them apart is whether anything changes:
    another node is ready, a broker is registered, a process uses its processor.

    Args:
        look: asks the protocol. What it raises is raised here.
        patience: seconds that may pass without progress; while the machine is busy, a second counts a third.
        longest: seconds that the wait may last in all; five times the patience by default.
        detail: evaluated when the wait is given up, such as the tail of a log.
        every: seconds between two looks.
        tell: is told at each look what is waited for.
        busy: whether the machine was busy since it was last asked.

    Raises:
        WorkshopError: it is given up, with what was missing last.
    """
    longest = LONGEST * patience if longest is None else longest
    busy = busy or Load().is_busy
    began = looked = clock.monotonic()
    known: set[tuple[str, Hashable]] = set()
    quiet = 0.0
    while True:
        seen = look()
        if seen.answer:
            return seen.answer
        now = clock.monotonic()
        quiet += (now - looked) * (BUSY_SHARE if busy() else 1)
        looked = now
        if (seen.missing, seen.mark) not in known:
            known.add((seen.missing, seen.mark))
            quiet = 0.0
        tell(f"waiting for {seen.missing}")
        if quiet > patience or now - began > longest:
            why = "nothing has changed lately" if quiet > patience else "there was progress, but not enough"
            raise WorkshopError(f"Waited {now - began:.0f} s for {seen.missing}; {why}.", next_step, detail())
        clock.sleep(every)
