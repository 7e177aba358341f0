"""Payments of an unseen topic, and which of them are more than ten times the card's previous payment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from workshop.domain.payments import PaymentMade

BEGIN = datetime(2018, 9, 1, 8, tzinfo=UTC)
TIMES = 10
# Amounts in cents, card by card. The limit is tested from both sides, and a large payment after a large one is ordinary.
FIRST = {
    "card-a": (500, 620, 5_000, 410, 4_101, 39_000),
    "card-b": (90_000, 88_000, 91_000, 100, 1_000, 1_001, 10_011),
    "card-c": (1_200, 12_000, 150_000, 149_000),
    "card-d": (300,),
    "card-e": (2_500, 2_400, 2_600, 26_001, 2_300),
    "card-f": (40, 30, 35, 45, 50, 38),
}
SECOND = {"card-x": (700, 7_001, 8_000), "card-y": (5_000, 4_000, 3_000), "card-z": (150, 99_900)}


@dataclass(frozen=True)
class Phase:
    """Payments in order of time, and the ids of the suspicious ones."""

    payments: Sequence[PaymentMade]
    suspicious: tuple[str, ...]

    def card_of(self, payment_id: str) -> str:
        """Return the card of a payment; empty if there is none."""
        return next((payment.card for payment in self.payments if payment.payment_id == payment_id), "")

    def story_of(self, payment_id: str) -> str:
        """Return the amounts of a payment and of its predecessor in words."""
        mine = [payment for payment in self.payments if payment.card == self.card_of(payment_id)]
        place = next((n for n, payment in enumerate(mine) if payment.payment_id == payment_id), None)
        if place is None:
            return f"{payment_id} is none of the payments"
        if place == 0:
            return f"the first payment of {mine[0].card}, which has no previous one"
        now, before = mine[place].amount_cents, mine[place - 1].amount_cents
        return f"{now / 100:.2f} € on {mine[place].card}, whose previous payment was {before / 100:.2f} €"


def phases() -> tuple[Phase, Phase]:
    """Return the payments before the service starts, and those between its two starts, on other cards."""
    return _phase(FIRST, 0), _phase(SECOND, 1)


def _phase(amounts: dict[str, tuple[int, ...]], day: int) -> Phase:
    payments, suspicious = [], []
    for turn in range(max(map(len, amounts.values()))):
        for number, (card, mine) in enumerate(amounts.items()):
            if turn >= len(mine):
                continue
            at = BEGIN + timedelta(days=day, minutes=10 * turn, seconds=number)
            payment = PaymentMade(card, f"terminal-{number:05d}", mine[turn], at, f"{card}-{turn}")
            payments.append(payment)
            if turn and mine[turn] > TIMES * mine[turn - 1]:
                suspicious.append(payment.payment_id)
    return Phase(payments, tuple(suspicious))
