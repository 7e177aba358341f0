"""Observations of lesson 08: results of its experiments, and data of its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from workshop.load import Load, percentile

CALLS = 5  # concurrent requests that one replica may make to the card network
SECONDS = 0.25  # duration of one of these requests
CAPACITY = CALLS / SECONDS  # payments per second that one replica can take
REQUESTED = 50  # millicores that a pod of `payments` requests
TARGET = 60  # percent of it that the autoscaler of the lesson aims at


@dataclass
class Scaled:
    """Observations of an autoscaler: the load with its answers, and the number of pods over time.

    Attributes:
        least, most: bounds of the autoscaler.
        marks: pairs of seconds and name of the stage.
        ready: pairs of seconds and number of ready pods.
        wished: pairs of seconds and number of pods that are ready or starting.
        applied: the seconds at which a manifest was applied.
    """

    load: Load
    least: int
    most: int
    marks: list[tuple[float, str]] = field(default_factory=list)
    ready: list[tuple[float, int]] = field(default_factory=list)
    wished: list[tuple[float, int]] = field(default_factory=list)
    applied: list[float] = field(default_factory=list)

    @property
    def end(self) -> float:
        """The seconds of the last observation."""
        return self.ready[-1][0] if self.ready else 0.0

    def p95(self, since: float, until: float) -> float:
        """Return the 95th percentile of the response time in seconds."""
        return percentile(self.load.answers(), since, until)

    def capacity(self, since: float, until: float) -> float:
        """Return the payments per second that the ready pods could handle, at the worst moment of the period."""
        return CAPACITY * min(within(self.ready, since, until), default=0)

    def wished_capacity(self, since: float, until: float) -> float:
        """Return the payments per second that all pods, also starting ones, could handle, at the best moment."""
        return CAPACITY * max(within(self.wished, since, until), default=0)

    def first_more(self, since: float) -> float | None:
        """Return the seconds from a moment until more pods are ready than at it; None if that does not happen."""
        before = [count for at, count in self.ready if at <= since]
        later = [at for at, count in self.ready if at > since and before and count > before[-1]]
        return later[0] - since if later else None


def within(points: Sequence[tuple[float, int]], since: float, until: float) -> list[int]:
    """Return the counts whose moment lies in a period of seconds."""
    return [count for at, count in points if since <= at < until]
