"""Whole numbers in attendees' answers."""

from __future__ import annotations

from numbers import Real


def whole(number: object) -> int | None:
    """Return a whole number of any type, such as numpy's, as int; None for anything else, also for True and False."""
    if isinstance(number, bool) or not isinstance(number, Real):
        return None
    return int(float(number)) if float(number).is_integer() else None
