"""Ledgers, and logs of debits with planted faults, for the reconciliation of exercise 1."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from workshop.domain.payments.events import AccountDebited
from workshop.kafka import consume
from workshop.kafka.produce import publish
from workshop.notebook.connection import Connection

PAYMENTS, STRANGE_CENTS = 100, 250
ACKNOWLEDGED, UNKNOWN = "acknowledged", "unknown"


@dataclass(frozen=True)
class Planted:
    """A ledger, a log of debits, and the faults in it.

    Attributes:
        ledger: entries with id, cents and outcome.
        debits: payment id and cents of each debit.
        lost, twice, wrong, strangers: the ids with these faults.
        unknown_twice: the one of `twice` whose outcome is unknown.
        written, unwritten: ids with the outcome unknown, without a fault: debited once, and not debited.
    """

    ledger: list[dict]
    debits: list[tuple[str, int]]
    lost: frozenset[str]
    twice: frozenset[str]
    wrong: frozenset[str]
    strangers: frozenset[str]
    unknown_twice: str
    written: str
    unwritten: str


def with_faults(seed: int) -> Planted:
    """Return a log with one loss, two doubles, two wrong amounts and a stranger; the sums of ledger and log are equal."""
    chance = random.Random(seed)  # noqa: S311 (must be reproducible)
    lost, twice, unknown_twice, dear, cheap, written, unwritten = (
        str(number) for number in chance.sample(range(10, PAYMENTS), 7)
    )
    cents = _cents(chance)
    # The loss is as large as all that is debited too much: a comparison of totals finds nothing.
    cents[lost] = cents[twice] + 2 * cents[unknown_twice] + cents[written] + STRANGE_CENTS
    stranger = str(PAYMENTS + chance.randrange(1, 9))
    entries = _ledger(cents, {unknown_twice, written, unwritten})
    debits = {one: [amount] for one, amount in cents.items() if one not in (lost, unwritten)}
    for one in (twice, unknown_twice):
        debits[one] = debits[one] * 2
    debits[dear], debits[cheap] = [cents[dear] + 10], [cents[cheap] - 10]
    debits[stranger] = [STRANGE_CENTS]
    return Planted(
        entries,
        _mixed(chance, debits),
        lost=frozenset({lost}),
        twice=frozenset({twice, unknown_twice}),
        wrong=frozenset({dear, cheap}),
        strangers=frozenset({stranger}),
        unknown_twice=unknown_twice,
        written=written,
        unwritten=unwritten,
    )


def without_faults(seed: int) -> Planted:
    """Return a log without a fault; one payment with an unknown outcome is debited, another one is not."""
    chance = random.Random(seed)  # noqa: S311 (must be reproducible)
    written, unwritten = (str(number) for number in chance.sample(range(10, PAYMENTS), 2))
    cents, none = _cents(chance), frozenset[str]()
    debits = {one: [amount] for one, amount in cents.items() if one != unwritten}
    entries = _ledger(cents, {written, unwritten})
    return Planted(entries, _mixed(chance, debits), none, none, none, none, "", written, unwritten)


def _cents(chance: random.Random) -> dict[str, int]:
    return {str(number): chance.randrange(100, 1_000) for number in range(PAYMENTS)}


def _ledger(cents: dict[str, int], unknown: Iterable[str]) -> list[dict]:
    return [
        {"id": one, "cents": amount, "outcome": UNKNOWN if one in unknown else ACKNOWLEDGED}
        for one, amount in cents.items()
    ]


def _mixed(chance: random.Random, debits: dict[str, list[int]]) -> list[tuple[str, int]]:
    found = [(one, amount) for one, amounts in debits.items() for amount in amounts]
    chance.shuffle(found)
    return found


def publish_debits(ws: Connection, debits: Iterable[tuple[str, int]]) -> list[AccountDebited]:
    """Write debits to a new topic, and read them back."""
    topic = ws.fresh_topic("planted")
    at = pd.Timestamp("2018-06-12", tz="UTC").to_pydatetime()
    publish(ws, topic, [AccountDebited("card-0001", cents, at, payment_id) for payment_id, cents in debits])
    return [AccountDebited.parse(record.value) for record in consume.read_all(ws, topic)]
