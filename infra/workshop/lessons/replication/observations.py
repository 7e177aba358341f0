"""Observations of lesson 03: the data that its experiments return and its pictures show."""

from __future__ import annotations

from dataclasses import dataclass

from workshop.kafka.ledger import Reconciled, longest_gap


@dataclass
class Kill:
    """What was seen when a leader was killed while payments flowed. Times are seconds since the first payment."""

    acks: object
    leader: int
    acknowledged: list[float]
    killed: float | None = None
    elected: float | None = None
    result: Reconciled | None = None

    @property
    def gap(self) -> tuple[float, float]:
        """From when to when no payment was acknowledged, at the longest."""
        return longest_gap(self.acknowledged)
