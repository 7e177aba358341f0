"""Observations of lesson 06: results of its experiments, and data of its pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

PAID = 300_00  # cents: each payment to the card of `Joined`


@dataclass(frozen=True)
class Blocked:
    """The state after a program blocked cards and was killed.

    Attributes:
        how: the name of the function.
        cards: in the order of blocking; the program died at the one in `died_at`.
        rows: the cards that are blocked in the database.
        events: card to the number of its events.
    """

    how: str
    cards: list[str]
    died_at: str
    rows: set[str]
    events: Counter

    @property
    def holes(self) -> list[str]:
        """The cards about which database and topic differ."""
        return [card for card in self.cards if (card in self.rows) != bool(self.events[card])]


@dataclass
class Latency:
    """Changes as pairs: seconds since the first one, milliseconds from the commit to a reader."""

    points: list[tuple[float, float]]

    def percentile(self, percent: float) -> float:
        """Return the latency in milliseconds below which the given percentage of changes stayed."""
        values = sorted(ms for _, ms in self.points)
        return values[min(len(values) - 1, int(len(values) * percent / 100))]


@dataclass
class Killed:
    """Observations while Connect was killed. Times are seconds since the monolith started to work.

    Attributes:
        committed: the number of a change to the time of its commit in the database.
        arrived: pairs of arrival time and number of a change, with repeated ones.
    """

    committed: dict[int, float] = field(default_factory=dict)
    arrived: list[tuple[float, int]] = field(default_factory=list)
    killed: float = 0.0
    answers: float = 0.0
    count: int = 0

    @property
    def missing(self) -> int:
        """The number of changes that never arrived."""
        return self.count - len({number for _, number in self.arrived})

    @property
    def waited(self) -> float:
        """The longest time from a change's commit to its first arrival, in seconds."""
        first: dict[int, float] = {}
        for when, number in self.arrived:
            first.setdefault(number, when)
        return max((when - self.committed[number] for number, when in first.items()), default=0.0)

    @property
    def again(self) -> list[tuple[float, int]]:
        """The repeated arrivals."""
        times: Counter = Counter()
        found = []
        for when, number in self.arrived:
            times[number] += 1
            if times[number] > 1:
                found.append((when, number))
        return found


@dataclass
class Held:
    """The bytes of the log that the database kept for the slot, over seconds, and the time of each action."""

    points: list[tuple[float, int]] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)


@dataclass
class Joined:
    """Observations of a new service. Times are seconds since the first payment, amounts are in cents.

    Attributes:
        limits: pairs of commit time in the database and limit; None when the card was deleted.
        payments: payment id to its time.
        alerted: the payments with an alert.
    """

    limits: list[tuple[float, int | None]] = field(default_factory=list)
    payments: dict[str, float] = field(default_factory=dict)
    alerted: set[str] = field(default_factory=set)
    card: str = ""

    @property
    def late(self) -> list[str]:
        """The payments above the limit without an alert, because the service did not have the new limit yet."""
        return [name for name, when in self.payments.items() if name not in self.alerted and self._above(when)]

    @property
    def early(self) -> list[str]:
        """The payments within the limit with an alert, because the service still had a lower limit."""
        return [name for name, when in self.payments.items() if name in self.alerted and not self._above(when)]

    def _above(self, when: float) -> bool:
        """Return whether a payment at this time was above the limit that the database had."""
        limit = [cents for start, cents in self.limits if start <= when][-1:]
        return bool(limit) and (limit[0] is None or limit[0] < PAID)
