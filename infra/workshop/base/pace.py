"""The pace of the lessons' experiments: how long each of them lasts, compared with a class."""

from __future__ import annotations

from workshop.base.settings import Settings


def paced(seconds: float, least: float = 0.0) -> float:
    """Return how long an experiment lasts that takes this long in a class (`WORKSHOP_PACE`).

    Args:
        seconds: its duration in a class.
        least: the shortest duration with which it still shows what it is about, in seconds.
    """
    return max(min(least, seconds), seconds * Settings.load().pace)
