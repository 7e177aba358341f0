"""A clock that is years off, for a check that a function does not read the clock."""

from __future__ import annotations

import datetime as datetime_module
import time as time_module
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

DAYS_PER_YEAR = 365.25


@contextmanager
def years_later(functions: tuple[Callable, ...], years: float) -> Iterator[None]:
    """Shift the clock that these functions read through `datetime` or `time`.

    The names in the modules `datetime` and `time` are replaced during the block, and so are the same objects among the
    globals of the functions.
    """
    shift = timedelta(days=years * DAYS_PER_YEAR)
    replaced = _replacements(shift)
    places: list[dict[str, Any]] = [datetime_module.__dict__, time_module.__dict__]
    places += [function.__globals__ for function in functions if hasattr(function, "__globals__")]
    before = [
        (place, name, value)
        for place in places
        for name, value in [*place.items()]
        if any(value is original for original, _ in replaced)
    ]
    try:
        for place, name, value in before:
            place[name] = next(other for original, other in replaced if value is original)
        yield
    finally:
        for place, name, value in before:
            place[name] = value


def reads_the_clock(functions: tuple[Callable, ...], result: Callable[[], object], moment: datetime) -> bool:
    """Return whether a result of these functions is the same twice now, and another one at another time.

    Args:
        result: calls the functions, and returns what they return.
        moment: one of the other times, with a time zone; the others are ten years ahead and behind.
    """
    now = result()
    if result() != now:
        return False  # it differs in any case, such as by a random number or by a memory of earlier calls
    to_moment = (moment - datetime.now(UTC)) / timedelta(days=DAYS_PER_YEAR)
    for years in (10, -10, to_moment):
        with years_later(functions, years):
            if result() != now:
                return True
    return False


def _replacements(shift: timedelta) -> list[tuple[Any, Any]]:
    """Return pairs of an object that reads the clock and its replacement."""
    time, time_ns = time_module.time, time_module.time_ns
    nanoseconds = round(shift.total_seconds() * 1e9)
    return [
        (datetime, _datetime(shift)),
        (date, _date(shift)),
        (time, lambda: time() + shift.total_seconds()),
        (time_ns, lambda: time_ns() + nanoseconds),
    ]


def _datetime(shift: timedelta) -> type:
    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime)

    class Later(datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + shift

        @classmethod
        def utcnow(cls) -> datetime:  # type: ignore[override]
            return datetime.now(datetime_module.UTC).replace(tzinfo=None) + shift

        @classmethod
        def today(cls) -> datetime:  # type: ignore[override]
            return datetime.now() + shift  # `datetime.today` would ask `time.time`, which is shifted too

    return Later


def _date(shift: timedelta) -> type:
    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, date)

    class Later(date, metaclass=Kind):
        @classmethod
        def today(cls) -> date:  # type: ignore[override]
            return (datetime.now() + shift).date()

    return Later
