"""One thing that was looked at, by `workshop doctor` or before a start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was seen.

    Attributes:
        good: whether it is as it should be.
        next_step: what to change, if not.
        stops: whether nothing works until it is changed.
    """

    good: bool
    what: str
    seen: str
    next_step: str = ""
    stops: bool = True
