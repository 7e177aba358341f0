"""Totals of a log: events, cases, events per activity, first and last time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from workshop.domain.escaped import escaped
from workshop.domain.event_logs.events import LoggedEvent

SHOWN = 40  # activities
WIDEST = 60  # characters of an activity's name


@dataclass
class Totals:
    """The totals of a log, counted event by event, in any order.

    Attributes:
        cases, activities: the number of events per name.
        first, last: the times of the earliest and of the latest event; None for an empty log.
    """

    cases: Counter[str] = field(default_factory=Counter)
    activities: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    @property
    def events(self) -> int:
        """The number of events."""
        return self.activities.total()

    def add(self, event: LoggedEvent) -> None:
        """Count one more event."""
        self.cases[event.case] += 1
        self.activities[event.activity] += 1
        self.first = min(self.first or event.at, event.at)
        self.last = max(self.last or event.at, event.at)

    @classmethod
    def of(cls, events: Iterable[LoggedEvent]) -> Totals:
        """Return the totals of these events."""
        totals = cls()
        for event in events:
            totals.add(event)
        return totals

    def __str__(self) -> str:
        if not self.events:
            return "no events"
        ranked = sorted(self.activities.items(), key=lambda pair: (-pair[1], pair[0]))
        ranked = [(escaped(name, WIDEST), count) for name, count in ranked]
        width = max(len(name) for name, _ in ranked[:SHOWN])
        lines = [f"  {name:<{width}} {count:>9,}" for name, count in ranked[:SHOWN]]
        if len(ranked) > SHOWN:
            lines.append(f"  and {len(ranked) - SHOWN:,} activities more")
        span = f"{self.first:%Y-%m-%d %H:%M:%S} to {self.last:%Y-%m-%d %H:%M:%S}"
        return "\n".join([f"{_many(self.events, 'event')} of {_many(len(self.cases), 'case')}, {span}", *lines])


def _many(count: int, name: str) -> str:
    return f"1 {name}" if count == 1 else f"{count:,} {name}s"
