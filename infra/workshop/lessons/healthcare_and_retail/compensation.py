"""Lesson 10, exercise 1: a compensating step is tried with duplicates, late events, and a kill at each of its steps."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kafka import KafkaProducer

from workshop.kafka import consume
from workshop.lessons.healthcare_and_retail.fragile import FragileProducer, Killed, Steps, connect
from workshop.notebook.connection import Connection

Compensate = Callable[[Any, Any, dict], object]

# The same statements as in the notebook's `take`.
TABLE = "CREATE TABLE IF NOT EXISTS movements (id TEXT PRIMARY KEY, number TEXT, cents INTEGER)"
TAKE = (
    "INSERT OR IGNORE INTO movements SELECT 'pay-' || :order, :order, :cents "
    "WHERE NOT EXISTS (SELECT 1 FROM movements WHERE id = 'refund-' || :order)"
)

MISSING, RESERVED, LATE, OTHER, CHEAP = "o-101", "o-102", "o-103", "o-104", "o-105"
ORDERS = {MISSING: 9_90, RESERVED: 9_90, LATE: 12_50, OTHER: 9_90, CHEAP: 5}  # order to cents
REFUNDED = {MISSING: 9_90, CHEAP: 5}  # orders whose stock is missing after they were paid
KEPT = {RESERVED: 9_90, OTHER: 9_90}


class Outbox(Protocol):
    """The topic for the service's events."""

    producer: Any

    def since_last(self) -> list[tuple[bytes | None, bytes | None]]:
        """Return keys and values of the records since the last call."""


@contextmanager
def topic_outbox(ws: Connection, topic: str) -> Iterator[Outbox]:
    """Return a real topic as the outbox, beginning at its current end."""
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        yield _Topic(ws, topic, producer)


class _Topic:
    def __init__(self, ws: Connection, topic: str, producer: KafkaProducer) -> None:
        self.producer, self._ws, self._topic = producer, ws, topic
        self._next: dict[int, int] = {}
        self.since_last()

    def since_last(self) -> list[tuple[bytes | None, bytes | None]]:
        records = consume.read_all(self._ws, self._topic, first=self._next)
        self._next |= {record.partition: record.offset + 1 for record in records}
        return [(record.key, record.value) for record in records]


@dataclass
class Run:
    """The result of one run of the plan.

    Attributes:
        killed: the step at which the service was killed, in words; empty without a kill.
        rows: id to order and cents, the rows of `movements`.
        events: key and value of each record that was sent.
        unsent: records that nobody waited for.
        steps: the steps of the handling in which a kill is tried.
        trouble: an error of the answer with the event that it handled, or "".
    """

    killed: str = ""
    rows: dict[str, tuple[str, int]] = field(default_factory=dict)
    events: list[tuple[bytes | None, bytes | None]] = field(default_factory=list)
    unsent: int = 0
    steps: list[str] = field(default_factory=list)
    trouble: str = ""

    def balance(self, order: str) -> int:
        """Return the cents that the shop holds of an order."""
        return sum(cents for number, cents in self.rows.values() if number == order)

    def refunds(self) -> list[tuple[str, Mapping]]:
        """Return key and content of the events of type PaymentRefunded."""
        found: list[tuple[str, Mapping]] = []
        for key, value in self.events:
            with suppress(ValueError, UnicodeDecodeError, AttributeError):
                told = json.loads(value or b"null")
                if isinstance(told, dict) and told.get("type") == "PaymentRefunded":
                    found.append(((key or b"").decode(errors="replace"), told))
        return found


def stock_event(kind: str, order: str) -> dict:
    """Return an event of the stock, as the notebook's `decide_stock` writes it."""
    return {"type": kind, "order": order, "article": "cup"}


@dataclass(frozen=True)
class _Plan:
    """The deliveries of one run: a payment to take, or an event of the stock to handle."""

    deliveries: tuple[tuple[str, str], ...] = (
        *(("take", order) for order in (MISSING, RESERVED, OTHER, CHEAP)),
        ("StockReserved", RESERVED),
        ("StockMissing", MISSING),
        ("StockMissing", MISSING),
        ("StockMissing", CHEAP),
        ("take", MISSING),  # a duplicate of the order arrives after the refund
        ("StockMissing", LATE),  # the answer of the stock arrives before the order
        ("take", LATE),
        ("StockMissing", LATE),
        ("StockReserved", RESERVED),
        ("StockMissing", MISSING),
    )


def try_out(compensate: Compensate, outbox: Outbox, order: str = "", die_at: int | None = None) -> Run:
    """Run the plan on a new database: each event is handled by a new process, and all events are delivered.

    Args:
        order: the order in whose first handling the process is killed.
        die_at: the step of that handling, from 0.
    """
    run = Run()
    with tempfile.TemporaryDirectory() as folder:
        file, seen = str(Path(folder) / "till.db"), False
        with closing(sqlite3.connect(file)) as database, database:
            database.execute(TABLE)
        for kind, number in _Plan().deliveries:
            if kind == "take":
                with closing(sqlite3.connect(file)) as database, database:
                    database.execute(TAKE, {"order": number, "cents": ORDERS[number]})
                continue
            event, first = stock_event(kind, number), number == order and not seen
            seen |= first
            steps, killed = _handle(compensate, outbox, file, event, run, die_at if first else None)
            if first:
                run.steps = steps
            if killed:
                run.killed = steps[-1]
                _handle(compensate, outbox, file, event, run)  # delivered again: its offset was not committed
            if run.trouble:
                break
        with closing(sqlite3.connect(file)) as database:
            rows = database.execute("SELECT id, number, cents FROM movements").fetchall()
    run.rows = {str(name): (str(number), cents) for name, number, cents in rows}
    run.events = outbox.since_last()
    return run


def _handle(
    compensate: Compensate, outbox: Outbox, file: str, event: dict, run: Run, die_at: int | None = None
) -> tuple[list[str], bool]:
    """Let a new process handle one event; return its steps, and whether it was killed at the last of them.

    The process ends without waiting for what is in the producer's buffer.
    """
    steps = Steps(die_at)
    database, producer = connect(file, steps), FragileProducer(outbox.producer, steps)
    try:
        compensate(database, producer, dict(event))
    except Killed:
        pass
    except Exception as error:  # an answer can raise anything
        run.trouble = f"{type(error).__name__}: {error} (at {event['type']} of {event['order']})"
    finally:
        database.close()
    if not steps.dead:
        run.unsent += producer.buffered
    return steps.names, steps.dead
