"""Lesson 09: fault injection while payments flow, poison messages, and the reconciliation."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError
from pandas.io.formats.style import Styler

from workshop.base.pace import paced
from workshop.base.waiting import wait_until
from workshop.chaos import day as days
from workshop.chaos import faults
from workshop.chaos.day import Day
from workshop.domain.payments import MalformedEvent, PaymentMade
from workshop.domain.payments.events import AccountDebited
from workshop.kafka import consume, dead_letters
from workshop.kafka.produce import publish
from workshop.kafka.topics import DEAD_LETTERS, STORY, create
from workshop.lessons.reliability_game_day.keys import pay_twice
from workshop.lessons.reliability_game_day.pictures import draw_beginning, draw_board, draw_lags, draw_matrix
from workshop.notebook import pods, services
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

RATE = 15.0  # payments per second
LETTERS = "payments" + DEAD_LETTERS

__all__ = ["draw_board", "draw_matrix", "pay_twice"]  # used by the notebook


def ensure(ws: Connection) -> None:
    """Restore the stack and the delivered services, and create the topic for dead letters.

    Raises:
        WorkshopError: this stack has no Kubernetes, or the services do not become ready.
    """
    pods.core(ws)
    create(ws.kafka, STORY)
    faults.seeded(ws, 1).restore()


def restore(ws: Connection) -> None:
    """Restore the stack and the delivered services."""
    ensure(ws)


def catalogue() -> Styler:
    """Return a table of all faults."""
    rows = [(fault.name, fault.does.replace("`", "")) for fault in faults.FAULTS.values()]
    table = pd.DataFrame(rows, columns=["fault", "what happens"])
    return table.style.hide(axis="index").set_properties(**{"text-align": "left"})


def play(ws: Connection, *steps: str, seed: int = 9) -> Day:
    """Inject faults while payments flow, draw the run, and restore the stack; `a+b` start together."""
    chosen = [faults.parse(text) for text in steps]
    faults.must_be_ours(ws, (name for names in chosen for name in names))
    seen: list[Day] = []
    live = Live(lambda: draw_board(seen[0]) if seen else draw_beginning(), every=1.0)

    def draw(day: Day) -> None:
        seen[:] = [day]
        live.update()

    day = days.play(ws, chosen, RATE, seed, meanwhile=draw)
    live.finish()
    return day


def costs(day: Day) -> pd.DataFrame:
    """Return the effect of each step: write gap (s), p95 of the latency (s), number of repeated attempts."""
    rows = [(step.word, ", ".join(step.victims), day.of_step(step)) for step in day.steps]
    table = [(word, hit, round(f.gap, 1), round(f.p95, 1), f.again) for word, hit, f in rows]
    return pd.DataFrame(table, columns=["fault", "hit", "longest gap, s", "p95, s", "asked again"])


@dataclass
class SmallReader:
    """A simple consumer: it calls `take` for each record, and commits its offset when `take` returns.

    If `take` raises an error, the same record is read again.

    Attributes:
        take: the function for a record.
        lags: pairs of seconds since the start and lag per partition.
        marks: pairs of seconds and action.
    """

    ws: Connection
    topic: str
    take: Callable[[ConsumerRecord], object]
    group: str = field(default_factory=lambda: f"small-{uuid.uuid4().hex[:6]}")
    lags: list[tuple[float, tuple[int, ...]]] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> SmallReader:
        self._thread = threading.Thread(target=self._run, name="small reader", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(30)

    def mark(self, word: str) -> None:
        """Record an action at this moment."""
        self.marks.append((time.monotonic() - self.began, word))

    def committed(self) -> dict[int, int]:
        """Return partition to committed offset; empty while the group's coordinator moves."""
        with suppress(KafkaError), closing(self.ws.admin()) as admin:
            found = admin.list_group_offsets([self.group])[self.group]
            return {place.partition: at.offset for place, at in found.items() if place.topic == self.topic}
        return {}

    def _run(self) -> None:
        options = {"group_id": self.group, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
        with closing(KafkaConsumer(**self.ws.kafka, **options)) as consumer:
            places = [TopicPartition(self.topic, n) for n in sorted(consumer.partitions_for_topic(self.topic))]
            consumer.assign(places)
            while not self._end.is_set():
                with suppress(KafkaError):  # brokers are unavailable for a moment
                    for place, records in consumer.poll(timeout_ms=100, max_records=50).items():
                        self._handle(consumer, place, records)
                    self._note(consumer, places)

    def _handle(self, consumer: KafkaConsumer, place: TopicPartition, records: Sequence) -> None:
        for record in records:
            try:
                self.take(record)
            except Exception:  # after any error, the record is read again
                consumer.seek(place, record.offset)
                break
            with suppress(KafkaError):  # the coordinator has moved; the next commit includes this offset
                consumer.commit({place: OffsetAndMetadata(record.offset + 1, "", -1)})

    def _note(self, consumer: KafkaConsumer, places: Sequence[TopicPartition]) -> None:
        ends = consumer.end_offsets(list(places))
        now = time.monotonic() - self.began
        self.lags.append((now, tuple(ends[place] - consumer.position(place) for place in places)))


def debit(record: ConsumerRecord) -> PaymentMade:
    """Read a payment from a record, which is necessary before its account can be debited.

    Raises:
        MalformedEvent: the record cannot be read.
    """
    return PaymentMade.parse(record.value)


def poisoned(number: int = 0) -> bytes:
    """Return a payment with an amount as text."""
    about = {"type": "PaymentMade", "card": f"card-{number:04d}", "terminal": "terminal-00001", "amount_cents": "12,50"}
    return json.dumps({**about, "at": "2018-06-12T10:00:00+00:00", "payment_id": f"poison-{uuid.uuid4().hex}"}).encode()


def poison(ws: Connection, seconds: float = 5.0) -> SmallReader:
    """Write payments to three partitions, poison one record, then let the reader set such records aside."""
    topic = ws.fresh_topic("poisoned")
    letters = ws.fresh_topic("poisoned-aside")
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        aside = lambda record, why: producer.send(letters, **dead_letters.letter(record, "small", why)).get(30)  # noqa: E731
        with SmallReader(ws, topic, debit) as reader:
            live = Live(lambda: draw_lags(reader.lags, reader.marks))
            _flow(producer, topic, paced(seconds / 2), live)
            reader.mark("poison")
            producer.send(topic, value=poisoned(), partition=1).get(30)
            _flow(producer, topic, paced(seconds), live)
            reader.mark("set aside")
            reader.take = _setting_aside(aside)
            _flow(producer, topic, paced(seconds), live)
    live.finish()
    return reader


def _setting_aside(aside: Callable[[object, str], object]) -> Callable[[ConsumerRecord], None]:
    def take(record: ConsumerRecord) -> None:
        try:
            debit(record)
        except MalformedEvent as error:
            aside(record, str(error))

    return take


def _flow(producer: KafkaProducer, topic: str, seconds: float, live: Live, rate: float = 30) -> None:
    began, number = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        while number < now * rate:
            producer.send(topic, value=parsable(number), partition=number % 3)
            number += 1
        live.update()
        time.sleep(0.05)


def parsable(number: int) -> bytes:
    """Return a valid payment."""
    about = {"type": "PaymentMade", "card": f"card-{number:04d}", "terminal": "terminal-00001", "amount_cents": 100}
    return json.dumps({**about, "at": "2018-06-12T10:00:00+00:00", "payment_id": f"small-{uuid.uuid4().hex}"}).encode()


def send_poison(ws: Connection) -> dead_letters.DeadLetter:
    """Send one unreadable record to the real services, and wait until `debits` has set it aside."""
    value = poisoned(int(uuid.uuid4().hex[:4], 16) % 250)
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        place = producer.send("payments", key=json.loads(value)["card"].encode(), value=value).get(30)

    def found() -> dead_letters.DeadLetter | None:
        there = dead_letters.read(ws.kafka, LETTERS)
        return next((one for one in there if (one.partition, one.offset) == (place.partition, place.offset)), None)

    return wait_until(found, 90, "the dead letter", every=0.3)


def shown(letter: dead_letters.DeadLetter) -> Styler:
    """Return a dead letter as a table, one row per field."""
    rows = [(name, value.decode() if isinstance(value, bytes) else value) for name, value in vars(letter).items()]
    table = pd.DataFrame(rows, columns=["what it tells", ""]).astype(str)
    return table.style.hide(axis="index").set_properties(**{"text-align": "left"})


def answered(ws: Connection, payment_id: str, patience: float = 90) -> int:
    """Return how often `debits` answered a payment, after its first answer."""
    return wait_until(lambda: services.answered(ws, "debits")[payment_id], patience, "the answer of debits", every=0.3)


def replay(ws: Connection, letter: dead_letters.DeadLetter, mended: bytes, times: int = 1) -> int:
    """Publish the repaired record `times` times; return how often the payment was answered in the end."""
    for _ in range(times):
        dead_letters.replay(ws.kafka, letter, mended)
    for last in _one_more_in_each_partition(ws):  # when these are answered, all earlier records are answered too
        answered(ws, last)
    return answered(ws, PaymentMade.parse(mended).payment_id)


def _one_more_in_each_partition(ws: Connection) -> list[str]:
    events = []
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        for partition in consume.partitions_of(ws, "payments"):
            card = f"card-last-{partition}-{uuid.uuid4().hex[:6]}"
            event = PaymentMade(card, "terminal-00001", 1, datetime.now(UTC))
            producer.send("payments", key=event.key(), value=event.value(), partition=partition).get(30)
            events.append(event.payment_id)
    return events


def publish_debits(ws: Connection, debits: Iterable[tuple[str, int]]) -> list[AccountDebited]:
    """Write debits to a new topic, and read them back: the log for an exercise."""
    topic = ws.fresh_topic("planted")
    at = pd.Timestamp("2018-06-12", tz="UTC").to_pydatetime()
    publish(ws, topic, [AccountDebited("card-0001", cents, at, payment_id) for payment_id, cents in debits])
    return [AccountDebited.parse(record.value) for record in consume.read_all(ws, topic)]
