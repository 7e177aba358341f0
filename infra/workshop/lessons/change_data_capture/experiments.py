"""Lesson 06: CDC from an unchanged monolith: dual writes, the outbox, a schema change, slots."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import pandas as pd
import psycopg

from workshop.base.waiting import wait_until
from workshop.domain.debezium import Change
from workshop.kafka import consume
from workshop.lessons.change_data_capture import outbox
from workshop.lessons.change_data_capture.bank import Bank
from workshop.lessons.change_data_capture.card_blocking import run_blocking
from workshop.lessons.change_data_capture.limits import limit_alerts
from workshop.lessons.change_data_capture.live import (
    hold_the_log,
    kill_connect,
    latency,
)
from workshop.lessons.change_data_capture.observations import Blocked
from workshop.lessons.change_data_capture.pictures import (
    draw_alerts,
    draw_changes,
    draw_holes,
    draw_kill,
    draw_latency,
)
from workshop.stack.cdc.postgres import drop_slot

__all__ = [  # used by the notebook
    "draw_alerts",
    "draw_changes",
    "draw_holes",
    "draw_kill",
    "draw_latency",
    "hold_the_log",
    "kill_connect",
    "latency",
    "limit_alerts",
]


def block(bank: Bank, how: Callable, *, fatal_step: int = 1) -> Blocked:
    """Let a process block four cards; it is killed at the second card, after the given step.

    A new process continues with the third card, without information about the second one.
    """
    cards = bank.open_cards(4)
    topic = bank.ws.fresh_topic("blocked-cards", partitions=1)
    for some, fate in ((cards[:2], (cards[1], fatal_step)), (cards[2:], ())):
        run_blocking(bank, how, topic, some, *fate)
    return Blocked(how.__name__, cards, cards[1], blocked_rows(bank), told(bank, topic))


def block_by_outbox(bank: Bank, how: Callable, *, fatal_step: int = 1) -> Blocked:
    """Do the same with the outbox: Debezium makes the events from its rows."""
    outbox.follow(bank)
    cards = bank.open_cards(4)
    for some, fate in ((cards[:2], (cards[1], fatal_step)), (cards[2:], ())):
        run_blocking(bank, how, outbox.topic(bank), some, *fate)
    outbox.settle(bank)
    return Blocked(how.__name__, cards, cards[1], blocked_rows(bank), told(bank, outbox.topic(bank)))


def blocked_rows(bank: Bank) -> set[str]:
    """Return the cards that are blocked in the database."""
    return {row["card"] for row in bank.rows("select card from cards where blocked")}


def read_again(bank: Bank) -> list[Change]:
    """Wait until an incremental snapshot has read all customers; return the newest change of each, by number."""
    changes = bank.settled("customers", whole=True)
    newest = {change.key["id"]: change for change in changes if change.key and change.operation != "tombstone"}
    return [newest[number] for number in sorted(newest)]


def told(bank: Bank, topic: str) -> Counter:
    """Return the number of events per card in a topic."""
    return Counter(record.key.decode().strip('"') for record in consume.read_all(bank.ws, topic) if record.key)


def event_types(bank: Bank) -> dict[str, list[str]]:
    """Return the types of the events per card; empty for an event without the header `type`."""
    found: dict[str, list[str]] = defaultdict(list)
    for record in consume.read_all(bank.ws, outbox.topic(bank)):
        kind = dict(record.headers).get("type", b"")
        if record.key:
            found[record.key.decode().strip('"')].append(kind.decode())
    return found


def of(changes: Iterable[Change], *customers: int) -> list[Change]:
    """Return the changes of some customers, each customer's in order."""
    return [change for number in customers for change in changes if change.key == {"id": number}]


def table(changes: Iterable[Change]) -> pd.DataFrame:
    """Return changes as a table: operation, key, and the row before and after."""
    rows = [
        {
            "operation": change.operation,
            "key": _words(change.key),
            "before": _words(change.before),
            "after": _words(change.after),
        }
        for change in changes
    ]
    return pd.DataFrame(rows).style.hide(axis="index")


def _words(row: dict | None) -> str:
    return "—" if row is None else ", ".join(f"{value}" for value in row.values())


def fingerprints(bank: Bank) -> dict[str, str]:
    """Return the SHA-256 of each file of the monolith."""
    folder = bank.ws.settings.root / "infra" / "deploy" / "monolith"
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def moved(bank: Bank, customer: int, city: str) -> list[Change]:
    """Wait until a customer's move to a city has reached the topic; return this customer's changes."""
    outbox.follow(bank)

    def told_changes() -> list[Change]:
        changes = of(bank.changes("customers"), customer)
        return changes if changes and changes[-1].row.get("city") == city else []

    return wait_until(told_changes, 60, "the move to arrive", every=0.2)


def drop(bank: Bank, name: str) -> None:
    """Drop a replication slot, even if it is in use."""
    with bank.connect() as database:
        drop_slot(database, name)


def a_day(bank: Bank) -> list[Change]:
    """Change limits, some twice, and let two customers leave; return all changes of `cards` until then.

    Afterwards the bank works on: one more limit changes, and a customer leaves. So the table does not hold the answer.
    """
    outbox.follow(bank)
    cards = bank.open_cards(6)
    with bank.connect() as database:  # one connection: each run of the monolith is a process
        for number, card in [*enumerate(cards[:5]), (20, cards[1]), (21, cards[2])]:
            _set_limit(database, card, 700_00 + 10_00 * number)
        for card in cards[2:4]:
            _close(database, card)
        changes = bank.settled("cards")
        bank.day = tuple(changes)
        _set_limit(database, cards[0], 1_234_00)
        _close(database, cards[4])
    return changes


def _set_limit(database: psycopg.Connection, card: str, cents: int) -> None:
    database.execute("update cards set limit_cents = %s where card = %s", [cents, card])


def _close(database: psycopg.Connection, card: str) -> None:
    database.execute("delete from customers where id = %s", [int(card.removeprefix("card-"))])


LEFT_BEHIND = "bank_old_report"


def left_behind(bank: Bank) -> None:
    """Create an unused slot beside Debezium's, and let the monolith work."""
    outbox.follow(bank)
    with bank.connect() as database:
        database.execute(
            "select pg_create_logical_replication_slot(%s, 'pgoutput')"
            " where not exists (select from pg_replication_slots where slot_name = %s)",
            [LEFT_BEHIND, LEFT_BEHIND],
        )
    bank.monolith("work", 300, 1_000)
    bank.settled("cards")
