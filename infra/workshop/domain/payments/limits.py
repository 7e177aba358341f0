"""Limits of the cards and alerts of `limit-alerts`, from the changes of a table of the bank. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from workshop.domain.debezium import Change
from workshop.domain.payments.events import CardEvent, PaymentMade


@dataclass(frozen=True)
class LimitExceeded(CardEvent):
    """A payment was above its card's limit, or the bank does not have the card: then the limit is None."""

    card: str
    amount_cents: int
    at: datetime
    payment_id: str
    limit_cents: int | None = None


@dataclass
class Limits:
    """The current limit of every card.

    Attributes:
        cents: card to limit, in cents.
    """

    cents: dict[str, int] = field(default_factory=dict)

    def learn(self, change: Change) -> None:
        """Apply a change of the table `cards`. A duplicate has no effect."""
        card = (change.key or change.row)["card"]
        if change.after is None:
            self.cents.pop(card, None)
        else:
            self.cents[card] = change.after["limit_cents"]

    def judge(self, payment: PaymentMade) -> LimitExceeded | None:
        """Return the alert for a payment, or None."""
        limit = self.cents.get(payment.card)
        if limit is not None and payment.amount_cents <= limit:
            return None
        return LimitExceeded(payment.card, payment.amount_cents, payment.at, payment.payment_id, limit)


def limits(changes: Iterable[Change]) -> Limits:
    """Return the limits after all these changes."""
    found = Limits()
    for change in changes:
        found.learn(change)
    return found
