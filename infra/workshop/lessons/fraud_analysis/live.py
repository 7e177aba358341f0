"""Lesson 05, live: a customer pays while a service of the notebook reads; every debit and alert is timed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from workshop.base.waiting import wait_until
from workshop.domain.payments import PaymentMade
from workshop.kafka.produce import publish
from workshop.lessons.fraud_analysis.observations import Moment, Moments
from workshop.notebook import services
from workshop.notebook.connection import Connection
from workshop.notebook.live import Told

CARD = "card-0007"
USUAL = (31_50, 24_90, 42_00, 18_75, 36_20, 27_40, 33_10, 22_80)  # cents
LIVE = (29_90, 35_00, 189_00, 31_20, 249_00)  # cents; two of them are unusually high
EVERY = 0.5  # seconds
START = 90.0  # seconds until `debits` must have read the past
JOINING = 30.0  # seconds for which the customer waits for a service that commits
PATIENCE = 60.0  # seconds until the last payments must be debited


@contextmanager
def customer_pays(ws: Connection, payments: str, alerts: str, group: str) -> Iterator[Moments]:
    """Let a card with a past of eight payments pay five times while the block reads them.

    The service `debits` runs meanwhile, as a process of its own. The customer begins to pay when the consumer group has
    committed the past. At the end of the block every payment is debited.

    Yields:
        The moments, which are complete after the block.
    """
    told = Told()
    told.say("starting the service debits")
    answers, balances = ws.fresh_topic("debits-now"), ws.fresh_topic("balances-now", cleanup_policy="compact")
    ready = _committed(ws, payments, group) + len(USUAL)
    publish(ws, payments, _past())
    seen = Moments()
    with _started(services.debits(ws, payments, answers, balances)), _noting(ws, seen, answers, alerts):
        wait_until(lambda: seen.past >= len(USUAL), START, "`debits` to have read the past", every=0.01)
        told.say("the customer pays")
        customer = threading.Thread(
            target=_pay, args=(ws, seen, payments, lambda: _committed(ws, payments, group) >= ready), daemon=True
        )
        customer.start()
        yield seen
        customer.join(JOINING + PATIENCE)
        wait_until(seen.all_debited, PATIENCE, "all payments to be debited", every=0.02)
        time.sleep(EVERY)  # for alerts that were written after the last debit


def _past() -> list[PaymentMade]:
    """Return eight usual payments, one per day."""
    now = datetime.now(UTC)
    days = range(len(USUAL), 0, -1)
    return [PaymentMade(CARD, "terminal-00042", c, now - timedelta(days=d)) for c, d in zip(USUAL, days, strict=True)]


@contextmanager
def _started(service: services.Service) -> Iterator[None]:
    try:
        service.start()
        yield
    finally:
        service.stop()


@contextmanager
def _noting(ws: Connection, seen: Moments, *topics: str) -> Iterator[None]:
    """Note the records of the topics in a thread."""
    over = threading.Event()

    def note() -> None:
        settings = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
        with closing(KafkaConsumer(*topics, **ws.kafka, **settings)) as consumer:
            while not over.is_set():
                for records in consumer.poll(timeout_ms=20).values():
                    for record in records:
                        seen.note(record.value)

    reader = threading.Thread(target=note, daemon=True)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join(PATIENCE)


def _pay(ws: Connection, seen: Moments, topic: str, ready: Callable[[], bool]) -> None:
    _wait(ready, JOINING)
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        producer.partitions_for(topic)
        seen.began = time.monotonic()
        for cents in LIVE:
            payment = PaymentMade(CARD, "terminal-00042", cents, datetime.now(UTC))
            seen.payments[payment.payment_id] = Moment(time.monotonic() - seen.began, cents)
            producer.send(topic, key=payment.key(), value=payment.value(), headers=payment.headers())
            time.sleep(EVERY)


def _wait(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until it holds, or for some seconds: a service that never commits is paid all the same."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)


def _committed(ws: Connection, topic: str, group: str) -> int:
    """Return the sum of a group's committed offsets."""
    with closing(KafkaConsumer(**ws.kafka, group_id=group, enable_auto_commit=False)) as consumer:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        return sum(consumer.committed(place) or 0 for place in places)
