"""Lesson 04: replay. A log of accounts is folded, rebuilt, and read at a moment of the past."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from workshop.domain.payments import PaymentRefunded, accounts, parse
from workshop.domain.payments.accounts import Account, command_for, decide, evolve, fold
from workshop.domain.payments.events import AccountDebited, CardEvent, PaymentDeclined, PaymentMade
from workshop.domain.payments.versions import PaymentMadeV2
from workshop.kafka import consume
from workshop.kafka.produce import IN_BULK, publish
from workshop.lessons.event_replay.live import debit_through_a_kill, watch_compaction
from workshop.lessons.event_replay.pictures import (
    draw_account,
    draw_corrected,
    draw_line,
    draw_points,
    draw_snapshot,
)
from workshop.notebook import story
from workshop.notebook.connection import Connection

__all__ = [  # used by the notebook
    "debit_through_a_kill",
    "draw_account",
    "draw_corrected",
    "draw_line",
    "draw_points",
    "draw_snapshot",
    "watch_compaction",
]

CARDS = 60
REFUNDED = 25  # one of this many payments is refunded
REFUNDED_AFTER = timedelta(days=2)  # the time between a payment and its refund
OPENING_CENTS = 4_000_000  # sufficient for half a year of most cards


@cache
def facts(cards: int = CARDS) -> tuple[CardEvent, ...]:
    """Return half a year of the first cards: payments and some refunds, in order of time."""
    rows = story.payments()
    paid = list(story.events(rows[rows["CUSTOMER_ID"] < cards]))
    given_back = [_refund(payment) for payment in paid[::REFUNDED]]
    return tuple(sorted([*paid, *given_back], key=lambda event: event.at))


def _refund(payment: PaymentMade) -> PaymentRefunded:
    return PaymentRefunded(payment.card, payment.amount_cents, payment.at + REFUNDED_AFTER, payment.payment_id)


def facts_of(card: str, count: int) -> list[CardEvent]:
    """Return the first facts of one card."""
    return [fact for fact in facts() if fact.card == card][:count]


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


def write_history(ws: Connection) -> str:
    """Write half a year of account events to a new topic with three partitions; return its name."""
    topic = ws.fresh_topic("accounts", partitions=3)
    publish(ws, topic, answers_to(facts(), OPENING_CENTS))
    return topic


def events_in(ws: Connection, topic: str, numbers: Iterable[int] | None = None) -> list[CardEvent]:
    """Return the events of a topic, or of some of its partitions, up to now."""
    return [parse(record.value) for record in consume.read_partitions(ws.kafka, topic, numbers)]


def offsets_at(ws: Connection, topic: str, moment: datetime) -> dict[int, int]:
    """Return partition to the offset of its first event at or after a moment, or else to its end offset."""
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
        ends = consumer.end_offsets(places)
        found = consumer.offsets_for_times({place: round(moment.timestamp() * 1000) for place in places})
    return {place.partition: found[place].offset if found[place] else ends[place] for place in places}


def events_before(ws: Connection, topic: str, offsets: Mapping[int, int]) -> list[CardEvent]:
    """Return the events of a topic before the given offset of each partition."""
    return [parse(record.value) for record in consume.read_all(ws, topic) if record.offset < offsets[record.partition]]


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


class Database:
    """The bank's database of balances: a file with accounts and the offsets up to which they are valid."""

    def __init__(self, ws: Connection) -> None:
        self._ws = ws
        self.file = Path(ws.settings.state) / f"balances-{uuid.uuid4().hex[:6]}.json"

    def project(self, topic: str) -> int:
        """Read new events, and write balances and offsets together; return the number of events."""
        stored = json.loads(self.file.read_text()) if self.file.exists() else {"next": {}, "accounts": {}}
        known = {card: _account_of(fields) for card, fields in stored["accounts"].items()}
        records = records_from(self._ws, topic, {int(number): at for number, at in stored["next"].items()})
        for record in records:
            event = parse(record.value)
            known[event.card] = evolve(known.get(event.card, Account()), event)
            stored["next"][str(record.partition)] = record.offset + 1
        stored["accounts"] = {card: _fields_of(account) for card, account in known.items()}
        temporary = self.file.with_suffix(".part")
        temporary.write_text(json.dumps(stored))
        temporary.replace(self.file)  # atomic
        return len(records)

    def balances(self) -> dict[str, int]:
        """Return card to balance, in cents."""
        return {card: fields["balance_cents"] for card, fields in json.loads(self.file.read_text())["accounts"].items()}

    def delete(self) -> None:
        """Delete the file."""
        self.file.unlink(missing_ok=True)


def _fields_of(account: Account) -> dict:
    return {"balance_cents": account.balance_cents, "is_open": account.is_open, "handled": sorted(account.handled)}


def _account_of(fields: dict) -> Account:
    return Account(
        fields["balance_cents"], fields["is_open"], frozenset((kind, one) for kind, one in fields["handled"])
    )


def records_from(ws: Connection, topic: str, first: Mapping[int, int]) -> list:
    """Return the records of each partition from an offset on; from 0 for partitions without one."""
    return consume.read_partitions(ws.kafka, topic, None, first=first)


def measure_snapshot(ws: Connection, topic: str) -> dict[str, tuple[int, float]]:
    """Compare reading with and without a snapshot, after 100 more events; return events and seconds."""
    database = Database(ws)
    database.project(topic)
    last = facts()[-1].at
    later = last + timedelta(hours=1)
    publish(ws, topic, [AccountDebited(f.card, 1, later, f"later-{n}") for n, f in enumerate(facts()[:100])])
    found = {"snapshot and tail": _timed(lambda: database.project(topic))}
    database.delete()
    found["from offset 0"] = _timed(lambda: database.project(topic))
    database.delete()
    return found


def _timed(work: Callable[[], int]) -> tuple[int, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


class Mailbox:
    """The service that sends e-mails to customers.

    Attributes:
        sent: every e-mail, as (card, payment id).
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self._done: set[tuple[str, str]] = set()

    def send(self, event: PaymentDeclined) -> None:
        """Send an e-mail to the customer."""
        self.sent.append((event.card, event.payment_id))

    def send_once(self, event: PaymentDeclined) -> None:
        """Send an e-mail to the customer, unless one was sent about this event; the record survives replays."""
        if (event.card, event.payment_id) not in self._done:
            self._done.add((event.card, event.payment_id))
            self.send(event)


def write_two_versions(ws: Connection) -> str:
    """Write payments of version 1, then of version 2, one of them in francs, to a topic; return its name."""
    topic = ws.fresh_topic("two-versions", partitions=1)
    day = story.one_day()[:6]
    publish(ws, topic, day[:3])
    with closing(KafkaProducer(**ws.kafka, acks="all", **IN_BULK)) as producer:
        for number, payment in enumerate(day[3:]):
            new = PaymentMadeV2.of(payment)
            new = replace(new, channel="internet", currency="CHF") if number == 1 else new
            producer.send(topic, key=new.key(), value=new.value(), headers=[("version", b"2")])
    return topic


def noon(day: str) -> datetime:
    """Return noon (UTC) of a day, such as 2018-06-12."""
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
