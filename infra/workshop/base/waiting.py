"""Bounded waits: for a fixed time, or for as long as there is progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from workshop.base.errors import WorkshopError
from workshop.base.machine import Load

T = TypeVar("T")
BUSY_SHARE = 1 / 3  # the weight of a second while the machine has no processor or disk time left
LOOK = 1.0  # seconds between two measurements of the machine's load, which are too expensive for every 10 ms
LONGEST = 5  # the longest wait with progress, as a multiple of the patience


class Clock(Protocol):
    """The source of time for a wait; tests pass their own."""

    def monotonic(self) -> float:
        """Return the seconds since a fixed moment."""

    def sleep(self, seconds: float) -> None:
        """Sleep for the given seconds."""


@dataclass(frozen=True)
class Seen(Generic[T]):
    """The result of one look.

    Attributes:
        missing: the missing condition, in words that follow "waiting for": "worker-2 to be ready (2 of 4 nodes)".
        mark: a measure of progress. A new pair of `missing` and `mark` is progress; a pair that returns is not.
        answer: a true value ends the wait.
    """

    missing: str
    mark: Hashable = None
    answer: T | None = None


def over(answer: T) -> Seen[T]:
    """Return the result of a look that ends the wait."""
    return Seen("", answer=answer)


def nobody(text: str) -> None:
    """Ignore the text about a wait."""


def keep_trying(
    attempt: Callable[[], T], passes: Callable[[WorkshopError], bool], what: str
) -> Callable[[], Seen[T | bool]]:
    """Return a look that makes an attempt: a temporary error counts as "not yet", others are raised.

    Args:
        passes: returns whether an error may be temporary.
        what: the missing condition, in words that follow "waiting for"; the error's last line is added.
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
    """Call `probe` until it returns a true value, and return that value.

    While the machine has no processor or disk time left, a second counts a third: the wait may last three times as long.

    Args:
        probe: returns None or False for "not yet". Its errors are raised here.
        timeout: seconds on a machine with processor and disk time left.
        what: the condition, in words that follow "waiting for".
        detail: evaluated on a timeout, such as the tail of a log.
        every: seconds between two calls.
        busy: returns whether the machine was busy since its last call.

    Raises:
        WorkshopError: the condition did not hold in time.
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
            raise WorkshopError(f"Timed out after {now - began:.3g} s waiting for {what}.", next_step, detail())
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
    """Look until nothing is missing, and return the answer. Progress prolongs the wait.

    A fixed timeout cannot distinguish a slow machine from a dead program. Progress can: another node is ready, a broker is
    registered, a process uses the processor.

    Args:
        look: returns the current state. Its errors are raised here.
        patience: seconds that may pass without progress; while the machine is busy, a second counts a third.
        longest: seconds that the wait may last in total; by default five times the patience.
        detail: evaluated on a timeout, such as the tail of a log.
        every: seconds between two looks.
        tell: called at each look with a text about the wait.
        busy: returns whether the machine was busy since its last call.

    Raises:
        WorkshopError: the time is over; the message names the missing condition.
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
