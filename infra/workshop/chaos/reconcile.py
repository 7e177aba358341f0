"""What was promised, held against what was done: payment by payment, never by totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"
OUTCOMES = (ACKNOWLEDGED, REFUSED, UNKNOWN)


@dataclass(frozen=True)
class Promise:
    """A payment as its customer knows it.

    Attributes:
        outcome: `acknowledged`: the customer was told "paid"; `refused`: told "no"; `unknown`: not told.
    """

    payment_id: str
    cents: int
    outcome: str


@dataclass(frozen=True)
class Reconciled:
    """The ledger joined with the log.

    Attributes:
        matrix: (outcome, how often it was debited: 0, 1, 2 for twice or more) to the number of payments.
        lost: acknowledged, and not debited.
        twice: debited more than once, whatever was promised.
        wrong: debited once, with another amount.
        taken: refused, and debited all the same.
        strangers: debited, and in no ledger.
        promised_cents: the sum of what was acknowledged.
        debited_cents: the sum of all that was debited for it.
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
        """Whether the promise was kept: every acknowledged payment debited exactly once, to the cent, and nothing else."""
        faults = (self.lost, self.twice, self.wrong, self.taken, self.strangers)
        return not any(faults) and self.promised_cents == self.debited_cents

    @property
    def acknowledged(self) -> int:
        """How many payments were acknowledged."""
        return sum(count for (outcome, _), count in self.matrix.items() if outcome == ACKNOWLEDGED)

    def sentence(self) -> str:
        """The verdict in a sentence."""
        found = f"{self.acknowledged:,} payments acknowledged, {euros(self.promised_cents)}; "
        found += f"debited for them {euros(self.debited_cents)}: lost {len(self.lost)}, debited twice {len(self.twice)}"
        more = {"with another amount": self.wrong, "refused but debited": self.taken, "in no ledger": self.strangers}
        return found + "".join(f", {word} {len(ids)}" for word, ids in more.items() if ids) + "."


def reconcile(promises: Iterable[Promise], debits: Iterable[tuple[str, int]]) -> Reconciled:
    """Join the ledger with the debits by the payments' ids.

    Args:
        promises: each payment once.
        debits: payment id and cents, once for each time that it was debited.
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
    """An amount as people write it, with both decimals: €1,234.56."""
    return f"€{cents // 100:,}.{cents % 100:02d}"
