"""Snapshots and old versions of events, for reading on after lesson 04."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from kafka import KafkaProducer

from workshop.domain.payments import parse
from workshop.domain.payments.accounts import Account, evolve
from workshop.domain.payments.events import AccountDebited
from workshop.domain.payments.versions import PaymentMadeV2
from workshop.kafka import consume
from workshop.kafka.produce import IN_BULK, publish
from workshop.notebook import story
from workshop.notebook.connection import Connection

MORE = 100  # events after the snapshot


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
    """Compare reading with and without a snapshot, after 100 more events of one card; return events and seconds."""
    database = Database(ws)
    database.project(topic)
    last = parse(records_from(ws, topic, {})[-1].value)
    later = last.at + timedelta(days=30)
    run = uuid.uuid4().hex[:6]
    publish(ws, topic, [AccountDebited(last.card, 1, later, f"later-{run}-{n}") for n in range(MORE)])
    found = {"snapshot and tail": _timed(lambda: database.project(topic))}
    database.delete()
    found["from offset 0"] = _timed(lambda: database.project(topic))
    database.delete()
    return found


def _timed(work: Callable[[], int]) -> tuple[int, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def write_two_versions(ws: Connection) -> str:
    """Write payments of version 1, then of version 2, one of them in francs, to a topic; return its name."""
    topic = ws.fresh_topic("two-versions", partitions=1)
    day = story.one_day()[:6]
    publish(ws, topic, day[:3])
    with closing(KafkaProducer(**ws.kafka, acks="all", **IN_BULK)) as producer:
        for number, payment in enumerate(day[3:]):
            new = PaymentMadeV2.of(payment)
            new = replace(new, place="shop.example", channel="internet", currency="CHF") if number == 1 else new
            producer.send(topic, key=new.key(), value=new.value(), headers=[("version", b"2")])
    return topic
