"""Observations of lesson 06: the data that its experiments return and its pictures show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Blocked:
    """What was found after a program blocked cards, and died on the way.

    Attributes:
        how: the name of the function that it used.
        cards: in the order in which they were to be blocked; at the one in `died_at` the program died.
        rows: those that are blocked in the database.
        events: card to how many events tell of it.
    """

    how: str
    cards: list[str]
    died_at: str
    rows: set[str]
    events: Counter

    @property
    def holes(self) -> list[str]:
        """The cards about which database and topic do not agree."""
        return [card for card in self.cards if (card in self.rows) != bool(self.events[card])]


@dataclass
class Latency:
    """Changes and how long each took from the database's commit to a reader; seconds since the first, milliseconds."""

    points: list[tuple[float, float]]

    def percentile(self, percent: float) -> float:
        """The latency, in milliseconds, that so many percent stayed below."""
        values = sorted(ms for _, ms in self.points)
        return values[min(len(values) - 1, int(len(values) * percent / 100))]


@dataclass
class Killed:
    """What was seen when Connect was killed. Times are seconds since the monolith began to work.

    Attributes:
        committed: the number of a change to when the database committed it.
        arrived: when a change came, and its number; those that came again too.
    """

    committed: dict[int, float] = field(default_factory=dict)
    arrived: list[tuple[float, int]] = field(default_factory=list)
    killed: float = 0.0
    answers: float = 0.0
    count: int = 0

    @property
    def missing(self) -> int:
        """How many changes never came."""
        return self.count - len({number for _, number in self.arrived})

    @property
    def again(self) -> list[tuple[float, int]]:
        """What came that had come before."""
        times: Counter = Counter()
        found = []
        for when, number in self.arrived:
            times[number] += 1
            if times[number] > 1:
                found.append((when, number))
        return found


@dataclass
class Held:
    """How much of its log the database kept for the slot: seconds, bytes; and what happened when."""

    points: list[tuple[float, int]] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)


@dataclass
class Joined:
    """What was seen of a service that joined. Times are seconds since the first payment, money is cents.

    Attributes:
        limits: when the database committed a limit, and the limit; None when the card was gone.
        payments: payment to when it was made.
        alerted: the payments that an alert tells of.
    """

    limits: list[tuple[float, int | None]] = field(default_factory=list)
    payments: dict[str, float] = field(default_factory=dict)
    alerted: set[str] = field(default_factory=set)
    card: str = ""
