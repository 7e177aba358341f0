"""Observations of lesson 03: results of its experiments, and data of its pictures."""

from __future__ import annotations

from dataclasses import dataclass

from workshop.kafka.ledger import Reconciled, longest_gap


@dataclass
class Kill:
    """Observations while a leader was killed under load. Times are seconds since the first payment."""

    acks: object
    leader: int
    acknowledged: list[float]
    killed: float | None = None
    elected: float | None = None
    result: Reconciled | None = None

    @property
    def gap(self) -> tuple[float, float]:
        """Start and end of the longest time without an acknowledged payment."""
        return longest_gap(self.acknowledged)
