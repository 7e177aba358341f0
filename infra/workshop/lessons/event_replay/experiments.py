"""Lesson 04: replay. A log of accounts is folded, rebuilt, and read at a moment of the past."""

from __future__ import annotations

import secrets
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from workshop.base.errors import WorkshopError
from workshop.domain.payments import PaymentRefunded, accounts, parse
from workshop.domain.payments.accounts import Account, command_for, decide, evolve, fold
from workshop.domain.payments.events import CardEvent, PaymentMade
from workshop.kafka import consume, transactions
from workshop.lessons.event_replay.live import debit_through_a_kill, watch_compaction
from workshop.lessons.event_replay.pictures import (
    draw_account,
    draw_balance_at,
    draw_corrected,
    draw_points,
    draw_snapshot,
)
from workshop.lessons.event_replay.snapshots import Database, measure_snapshot, write_two_versions
from workshop.notebook import story
from workshop.notebook.connection import Connection
from workshop.notebook.other_process import run_as_process

__all__ = [  # used by the notebook
    "Database",
    "debit_through_a_kill",
    "draw_account",
    "draw_balance_at",
    "draw_corrected",
    "draw_points",
    "draw_snapshot",
    "measure_snapshot",
    "run_as_process",
    "wait_for_markers",
    "watch_compaction",
    "write_two_versions",
]

DATABASES = "lesson-04"  # a folder in the state folder
CARDS = 20
ISSUED_LATE = ("card-0010", datetime(2018, 8, 1, tzinfo=UTC))  # a card of which the first four months are left out
REFUNDED = 25  # one of this many payments is refunded
REFUNDED_AFTER = timedelta(days=2)  # the time between a payment and its refund
OPENING_CENTS = 2_500_000  # sufficient for half a year of most cards


def wait_for_markers(ws: Connection, place: TopicPartition) -> None:
    """Wait until the transactions that are committed or aborted have their markers; open ones are not waited for."""
    transactions.committed_ends(ws.kafka, [place])


@cache
def facts(cards: int = CARDS) -> tuple[CardEvent, ...]:
    """Return half a year of the first cards: payments and some refunds, in order of time."""
    rows = story.payments()
    paid = [fact for fact in story.events(rows[rows["CUSTOMER_ID"] < cards]) if _was_issued(fact)]
    given_back = [_refund(payment) for payment in paid[::REFUNDED]]
    return tuple(sorted([*paid, *given_back], key=lambda event: event.at))


def _was_issued(payment: PaymentMade) -> bool:
    card, issued_at = ISSUED_LATE
    return payment.card != card or payment.at >= issued_at


def _refund(payment: PaymentMade) -> PaymentRefunded:
    return PaymentRefunded(payment.card, payment.amount_cents, payment.at + REFUNDED_AFTER, payment.payment_id)


def facts_of(card: str, count: int) -> list[CardEvent]:
    """Return the first facts of one card."""
    return [fact for fact in facts() if fact.card == card][:count]


@cache
def history() -> tuple[CardEvent, ...]:
    """Return half a year of account events of 20 cards, in order of time."""
    return tuple(answers_to(facts(), OPENING_CENTS))


def answers_to(given: Iterable[CardEvent], opening_cents: int = accounts.OPENING_CENTS) -> list[CardEvent]:
    """Return the bank's answers to these facts: the events of the accounts."""
    known: dict[str, Account] = {}
    answers = []
    for fact in given:
        account = known.get(fact.card, Account())
        command = command_for(fact)
        assert command is not None  # every fact is a payment or a refund
        events = decide(account, command, opening_cents)
        known[fact.card] = fold(events, account)
        answers += events
    return answers


def events_in(ws: Connection, topic: str, numbers: Iterable[int] | None = None) -> list[CardEvent]:
    """Return the events of a topic, or of some of its partitions, up to now."""
    return [parse(record.value) for record in consume.read_partitions(ws.kafka, topic, numbers)]


def offsets_at(ws: Connection, topic: str, moment: datetime) -> dict[int, int]:
    """Return partition to the offset of its first event at or after a moment, or else to its end offset.

    Raises:
        WorkshopError: the topic does not exist.
    """
    places = [TopicPartition(topic, number) for number in consume.partitions_of(ws, topic)]
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        ends = consumer.end_offsets(places)
        found = consumer.offsets_for_times({place: round(moment.timestamp() * 1000) for place in places})
    return {place.partition: found[place].offset if found[place] else ends[place] for place in places}


def events_before(ws: Connection, topic: str, offsets: Mapping[int, int]) -> list[CardEvent]:
    """Return the events of a topic before the given offset of each partition."""
    return [parse(record.value) for record in consume.read_all(ws, topic) if record.offset < offsets[record.partition]]


def partition_of(ws: Connection, topic: str, card: str) -> int:
    """Return the number of the partition with the events of a card.

    Raises:
        WorkshopError: the topic does not exist, or it has no event of this card.
    """
    number = consume.partition_of_key(ws, topic, card.encode())
    if number is None:
        raise WorkshopError(f"The topic '{topic}' has no event of {card}.", "Cards are `card-0000` to `card-0019`.")
    return number


def states(events: Iterable[CardEvent]) -> dict[str, Account]:
    """Return card to account, folded from the events."""
    found: dict[str, Account] = {}
    for event in events:
        found[event.card] = evolve(found.get(event.card, Account()), event)
    return found


def balances(events: Iterable[CardEvent]) -> dict[str, int]:
    """Return card to balance, in cents."""
    return {card: account.balance_cents for card, account in states(events).items()}


def steps(
    events: Iterable[CardEvent], card: str, fold_one: Callable[[int, CardEvent], int] | None = None
) -> list[tuple]:
    """Return time and balance (cents) of a card after each of its events, by `evolve` or by `fold_one`."""
    account, balance, found = Account(), 0, []
    for event in events:
        if event.card == card:
            account = evolve(account, event)
            balance = fold_one(balance, event) if fold_one else account.balance_cents
            found.append((event.at, balance))
    return found


def new_database(ws: Connection) -> Path:
    """Return the path of a new database file in the state folder; `remove_databases` deletes it."""
    folder = Path(ws.settings.state) / DATABASES
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"bank-{uuid.uuid4().hex[:6]}.db"


def remove_databases(ws: Connection) -> None:
    """Delete the database files of this lesson."""
    shutil.rmtree(Path(ws.settings.state) / DATABASES, ignore_errors=True)


def noon(day: str) -> datetime:
    """Return noon (UTC) of a day, such as 2018-06-12."""
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)


def a_moment() -> datetime:
    """Return a random moment in July 2018, after the first declined payments and before the late card.

    No event is at this moment, because events are in whole seconds.
    """
    return noon("2018-07-05") + timedelta(minutes=secrets.randbelow(36_000), milliseconds=500)
