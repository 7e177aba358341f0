"""Observations of lesson 08: the data that its experiments return and its pictures show."""

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
    """What was seen while the autoscaler worked: answers, and how many pods there were when (ready, wished for)."""

    load: Load
    least: int
    most: int
    marks: list[tuple[float, str]] = field(default_factory=list)
    ready: list[tuple[float, int]] = field(default_factory=list)
    wished: list[tuple[float, int]] = field(default_factory=list)

    def p95(self, since: float, until: float) -> float:
        """Seconds."""
        return percentile(self.load.answers(), since, until)

    def capacity(self, since: float, until: float) -> float:
        """Payments a second that the ready pods could take, at the worst moment in this time."""
        return CAPACITY * min((count for at, count in self.ready if since <= at < until), default=0)
