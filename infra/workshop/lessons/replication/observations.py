"""Observations of lesson 03: results of its experiments, and data of its pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from workshop.kafka.ledger import Reconciled, longest_gap

HOLE = 0.3  # seconds without an acknowledgement that are visible in the picture


@dataclass
class Kill:
    """Observations while a leader was killed under load. Times are seconds since the first payment.

    Attributes:
        pauses: start and end of each time in which this machine did not run the producer.
    """

    leader: int
    acknowledged: list[float]
    killed: float | None = None
    elected: float | None = None
    result: Reconciled | None = None
    pauses: list[tuple[float, float]] = field(default_factory=list)

    @property
    def gap(self) -> tuple[float, float]:
        """Start and end of the longest time without an acknowledged payment."""
        return longest_gap(self.acknowledged)

    @property
    def write_gap(self) -> tuple[float, float] | None:
        """Start and end of the time without an acknowledged payment that contains the kill or follows it, or None."""
        if self.killed is None:
            return None
        after = [gap for gap in self.gaps() if gap[1] > self.killed]
        return max(after, key=_length, default=None)

    def gaps(self) -> list[tuple[float, float]]:
        """Return start and end of each visible time without an acknowledged payment, in order."""
        return [gap for gap in pairwise(sorted(self.acknowledged)) if _length(gap) >= HOLE]

    def other_gaps(self) -> list[tuple[float, float]]:
        """Return the visible gaps that are not the write gap, the longest first."""
        return sorted((gap for gap in self.gaps() if gap != self.write_gap), key=_length, reverse=True)

    def was_paused(self, gap: tuple[float, float]) -> bool:
        """Return whether this machine paused within a gap."""
        return any(start < gap[1] and gap[0] < end for start, end in self.pauses)


def _length(gap: tuple[float, float]) -> float:
    return gap[1] - gap[0]


@dataclass(frozen=True)
class Answers(Reconciled):
    """What the producer was told about each payment, compared with the log.

    Attributes:
        errors: payment number to the error that the producer reported.
    """

    errors: dict[int, Exception] = field(default_factory=dict)


def answers(times: Counter, errors: dict[int, Exception | None]) -> Answers:
    """Return the comparison of payments with the log.

    Args:
        times: payment number to its number of records in the log.
        errors: payment number to its error, or to None if it was acknowledged.
    """
    acknowledged = frozenset(number for number, error in errors.items() if error is None)
    found = {number: error for number, error in errors.items() if error is not None}
    return Answers(times, acknowledged, frozenset(found), found)


@dataclass(frozen=True)
class Freeze:
    """One freeze of a follower.

    Attributes:
        node: the frozen broker.
        first: the offset that the next record had when the freeze began.
        written: whether the leader's log has grown while the follower was frozen.
    """

    node: int
    first: int
    written: bool


@dataclass
class Trial:
    """Observations while settings of an attendee were tried out.

    Attributes:
        dead: the broker that was killed first.
        led: whether the partition had a leader without it.
        accepted: number of payments that were acknowledged without it.
        alone: number of further payments that were acknowledged while one replica was in sync.
        lost: number of acknowledged payments that are missing without the broker of that replica.
    """

    dead: int
    led: bool = True
    accepted: int = 0
    alone: int = 0
    lost: int = 0
