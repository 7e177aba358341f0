"""Pace of the lessons' experiments: their duration relative to a class."""

from __future__ import annotations

from workshop.base.settings import Settings


def paced(seconds: float, least: float = 0.0) -> float:
    """Return the duration of an experiment in seconds, scaled by `WORKSHOP_PACE`.

    Args:
        seconds: its duration in a class.
        least: the shortest duration with which it is still instructive, in seconds.
    """
    return max(min(least, seconds), seconds * Settings.load().pace)
