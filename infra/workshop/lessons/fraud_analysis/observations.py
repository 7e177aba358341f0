"""Observations of lesson 05: results of its experiments, and data of its pictures."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from workshop.domain.payments.events import AccountDebited, PaymentDeclined, PaymentFlagged


@dataclass
class Moment:
    """One payment: its time in seconds, and the seconds until it was debited and flagged."""

    made: float
    cents: int
    debited: float | None = None
    declined: bool = False
    flagged: float | None = None
    because: str = ""


@dataclass
class Moments:
    """All payments of the demonstration, by payment_id."""

    began: float = field(default_factory=time.monotonic)
    payments: dict[str, Moment] = field(default_factory=dict)

    def note(self, event: object) -> None:
        """Record an answer or an alert that has arrived."""
        moment = self.payments.get(getattr(event, "payment_id", ""))
        if moment is None:
            return
        after = time.monotonic() - self.began - moment.made
        if isinstance(event, AccountDebited | PaymentDeclined) and moment.debited is None:
            moment.debited, moment.declined = after, isinstance(event, PaymentDeclined)
        elif isinstance(event, PaymentFlagged) and moment.flagged is None:
            moment.flagged, moment.because = after, event.because
