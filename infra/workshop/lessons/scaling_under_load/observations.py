"""Observations of lesson 08: results of its experiments, and data of its pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workshop.load import Load, percentile

if TYPE_CHECKING:
    pass

CALLS = 5  # concurrent requests that one replica may make to the card network
SECONDS = 0.25  # duration of one of these requests
CAPACITY = CALLS / SECONDS  # payments per second that one replica can take


@dataclass
class Scaled:
    """Observations of an autoscaler: the load with its answers, and the number of pods over time.

    Attributes:
        least, most: bounds of the autoscaler.
        marks: pairs of seconds and name of the stage.
        ready: pairs of seconds and number of ready pods.
        wished: pairs of seconds and number of pods that are ready or starting.
    """

    load: Load
    least: int
    most: int
    marks: list[tuple[float, str]] = field(default_factory=list)
    ready: list[tuple[float, int]] = field(default_factory=list)
    wished: list[tuple[float, int]] = field(default_factory=list)

    def p95(self, since: float, until: float) -> float:
        """Return the 95th percentile of the response time in seconds."""
        return percentile(self.load.answers(), since, until)

    def capacity(self, since: float, until: float) -> float:
        """Return the payments per second that the ready pods could handle, at the worst moment of the period."""
        return CAPACITY * min((count for at, count in self.ready if since <= at < until), default=0)
