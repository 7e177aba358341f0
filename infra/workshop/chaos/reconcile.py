"""Reconciliation of acknowledged payments with debits, payment by payment instead of by totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"
OUTCOMES = (ACKNOWLEDGED, REFUSED, UNKNOWN)


@dataclass(frozen=True)
class Promise:
    """A payment from its customer's point of view.

    Attributes:
        outcome: `acknowledged`: answered with 201; `refused`: answered with a refusal; `unknown`: no certain answer.
    """

    payment_id: str
    cents: int
    outcome: str


@dataclass(frozen=True)
class Reconciled:
    """The ledger joined with the log.

    Attributes:
        matrix: number of payments by outcome and number of debits (0, 1, 2 for twice or more).
        lost: acknowledged, and not debited.
        twice: debited more than once, with any outcome.
        wrong: debited with another amount.
        taken: refused, but debited.
        strangers: debited, but missing in the ledger.
        promised_cents: the sum of the acknowledged payments.
        debited_cents: the sum of all debits for them.
    """

    matrix: Counter
    lost: frozenset[str]
    twice: frozenset[str]
    wrong: frozenset[str]
    taken: frozenset[str]
    strangers: frozenset[str]
    promised_cents: int
    debited_cents: int

    @property
    def kept(self) -> bool:
        """Whether each acknowledged payment was debited once, to the cent, and nothing else was debited."""
        faults = (self.lost, self.twice, self.wrong, self.taken, self.strangers)
        return not any(faults) and self.promised_cents == self.debited_cents

    @property
    def acknowledged(self) -> int:
        """The number of acknowledged payments."""
        return sum(count for (outcome, _), count in self.matrix.items() if outcome == ACKNOWLEDGED)

    def sentence(self) -> str:
        """Return the verdict as a sentence."""
        found = f"{self.acknowledged:,} payments acknowledged, {euros(self.promised_cents)}; "
        found += f"debited for them {euros(self.debited_cents)}: lost {len(self.lost)}, debited twice {len(self.twice)}"
        more = {"with another amount": self.wrong, "refused but debited": self.taken, "in no ledger": self.strangers}
        return found + "".join(f", {word} {len(ids)}" for word, ids in more.items() if ids) + "."


def reconcile(promises: Iterable[Promise], debits: Iterable[tuple[str, int]]) -> Reconciled:
    """Join the ledger with the debits by the payments' ids.

    Args:
        promises: each payment once.
        debits: payment id and cents of each debit.
    """
    ledger = {promise.payment_id: promise for promise in promises}
    taken: dict[str, list[int]] = {}
    for payment_id, cents in debits:
        taken.setdefault(payment_id, []).append(cents)
    times = {payment_id: len(amounts) for payment_id, amounts in taken.items()}
    of = {outcome: {one for one, promise in ledger.items() if promise.outcome == outcome} for outcome in OUTCOMES}
    return Reconciled(
        matrix=Counter((promise.outcome, min(times.get(one, 0), 2)) for one, promise in ledger.items()),
        lost=frozenset(of[ACKNOWLEDGED] - times.keys()),
        twice=frozenset(one for one, count in times.items() if count > 1),
        wrong=frozenset(one for one in ledger.keys() & times.keys() if set(taken[one]) != {ledger[one].cents}),
        taken=frozenset(of[REFUSED] & times.keys()),
        strangers=frozenset(times.keys() - ledger.keys()),
        promised_cents=sum(ledger[one].cents for one in of[ACKNOWLEDGED]),
        debited_cents=sum(sum(taken.get(one, ())) for one in of[ACKNOWLEDGED]),
    )


def euros(cents: int) -> str:
    """Return an amount with thousands separators and two decimals: 1,234.56 €."""
    return f"{cents // 100:,}.{cents % 100:02d} €"
