"""Result of one check by `workshop doctor` or before a start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        good: whether the check passed.
        what: the subject of the check.
        seen: the observed value.
        next_step: the change to make if the check failed.
        stops: whether a failure prevents the stack from working.
    """

    good: bool
    what: str
    seen: str
    next_step: str = ""
    stops: bool = True
