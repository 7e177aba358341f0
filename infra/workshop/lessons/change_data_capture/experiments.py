"""Lesson 06: CDC from an unchanged monolith: dual writes, the outbox, a schema change, slots."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable

import pandas as pd

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


def told(bank: Bank, topic: str) -> Counter:
    """Return the number of events per card in a topic."""
    return Counter(record.key.decode().strip('"') for record in consume.read_all(bank.ws, topic) if record.key)


def events(bank: Bank) -> pd.DataFrame:
    """Return the events that Debezium made from the outbox: key, type, payload."""
    records = consume.read_all(bank.ws, outbox.topic(bank))
    rows = [(r.key.decode(), dict(r.headers)["type"].decode(), r.value.decode()) for r in records]
    return pd.DataFrame([row for row in rows if row[1] != outbox.MARK], columns=["key", "type", "value"])


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


def add_column(bank: Bank, customer: int = 0) -> list[Change]:
    """Add a column to the table of customers, then let a customer move twice; return their changes."""
    outbox.follow(bank)
    with bank.connect() as database:
        database.execute("alter table customers add column if not exists language text not null default 'fr'")
    for city in ("Morges", "Vevey"):
        bank.monolith("move", customer, city)
    wait_until(
        lambda: (
            [c.after["city"] for c in bank.changes("customers") if c.key == {"id": customer} and c.after][-1] == "Vevey"
        ),
        60,
        "the move to arrive",
        every=0.2,
    )
    return [change for change in bank.changes("customers") if change.key == {"id": customer}]


def slots(bank: Bank) -> pd.DataFrame:
    """Return a table of the replication slots: whether in use, and the bytes of log that they hold back."""
    rows = [{**slot, "bytes_held": f"{slot['bytes_held']:,}"} for slot in bank.slots()]
    return pd.DataFrame(rows, columns=["slot_name", "active", "bytes_held"]).set_index("slot_name")


def drop(bank: Bank, name: str) -> None:
    """Drop a replication slot, even if it is in use."""
    with bank.connect() as database:
        drop_slot(database, name)


def a_day(bank: Bank) -> list[Change]:
    """Change limits, some twice, and let two customers leave; return all changes of `cards`."""
    outbox.follow(bank)
    cards = bank.open_cards(6)
    for number, card in enumerate(cards):
        bank.monolith("limit", card, 700_00 + 10_00 * number)
    for number, card in enumerate(cards[:3]):
        bank.monolith("limit", card, 900_00 + 10_00 * number)
    for card in cards[2:4]:
        bank.monolith("close", int(card.removeprefix("card-")))
    return bank.settled("cards")


LEFT_BEHIND = "bank_old_report"


def left_behind(bank: Bank) -> pd.DataFrame:
    """Create an unused slot beside Debezium's, let the monolith work, and return all slots."""
    outbox.follow(bank)
    with bank.connect() as database:
        database.execute(
            "select pg_create_logical_replication_slot(%s, 'pgoutput')"
            " where not exists (select from pg_replication_slots where slot_name = %s)",
            [LEFT_BEHIND, LEFT_BEHIND],
        )
    bank.monolith("work", 300, 1_000)
    bank.settled("cards")
    return slots(bank)
