"""Lesson 05, live: payments of a card are debited and evaluated by services in separate processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

from kafka import KafkaConsumer, KafkaProducer

from workshop.base.waiting import wait_until
from workshop.domain.payments import PaymentMade, parse
from workshop.domain.payments.events import AccountDebited, CardEvent
from workshop.kafka.produce import publish
from workshop.lessons.fraud_analysis.observations import Moment, Moments
from workshop.lessons.fraud_analysis.pictures import draw_moments
from workshop.notebook import services
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live

CARD = "card-0007"
USUAL = (31_50, 24_90, 42_00, 18_75, 36_20, 27_40, 33_10, 22_80)  # cents
LIVE = (29_90, 35_00, 189_00, 31_20, 249_00)  # cents; two of them are unusually high
EVERY = 0.5  # seconds
PATIENCE = 60.0  # seconds until the last payments must be debited


def pay_live(ws: Connection) -> Moments:
    """Let a card with a past pay five times; each payment is debited, and two of them look suspicious."""
    payments, reports = ws.fresh_topic("paid-now"), ws.fresh_topic("reports-now", partitions=1)
    answers, alerts = ws.fresh_topic("debits-now"), ws.fresh_topic("alerts-now")
    running = [
        services.debits(ws, payments, answers, ws.fresh_topic("balances-now", cleanup_policy="compact")),
        services.fraud_alerts(ws, payments, reports, alerts),
    ]
    publish(ws, payments, _past())
    with _started(running), _readers(ws, answers, alerts) as look:
        known: list = []
        wait_until(lambda: _past_is_known(known, look()), 90, "the services to have read the past", every=0.01)
        return _pay(ws, payments, look)


def _past() -> list[PaymentMade]:
    """Return eight usual payments, one per day."""
    now = datetime.now(UTC)
    days = range(len(USUAL), 0, -1)
    return [PaymentMade(CARD, "terminal-00042", c, now - timedelta(days=d)) for c, d in zip(USUAL, days, strict=True)]


def _past_is_known(known: list, events: list) -> bool:
    known += [event for event in events if isinstance(event, AccountDebited)]
    return len(known) >= len(USUAL)


@contextmanager
def _started(running: list[services.Service]) -> Iterator[None]:
    try:
        for service in running:
            service.start()
        yield
    finally:
        for service in running:
            service.stop()


@contextmanager
def _readers(ws: Connection, *topics: str) -> Iterator:
    """Yield a function that returns the events that have arrived since its last call."""
    with closing(
        KafkaConsumer(*topics, **ws.kafka, isolation_level="read_committed", auto_offset_reset="earliest")
    ) as consumer:
        yield lambda: [parse(r.value) for records in consumer.poll(timeout_ms=20).values() for r in records]


def _pay(ws: Connection, topic: str, look: Callable[[], list[CardEvent]]) -> Moments:
    seen = Moments()
    live = Live(lambda: draw_moments(seen))
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        producer.partitions_for(topic)
        for cents in LIVE:
            payment = PaymentMade(CARD, "terminal-00042", cents, datetime.now(UTC))
            seen.payments[payment.payment_id] = Moment(time.monotonic() - seen.began, cents)
            producer.send(topic, key=payment.key(), value=payment.value(), headers=payment.headers())
            _watch(seen, look, live, time.monotonic() + EVERY)
    deadline = time.monotonic() + PATIENCE
    while any(m.debited is None for m in seen.payments.values()) and time.monotonic() < deadline:
        _watch(seen, look, live, time.monotonic() + EVERY)
    live.finish()
    return seen


def _watch(seen: Moments, look: Callable[[], list[CardEvent]], live: Live, until: float) -> None:
    while time.monotonic() < until:
        for event in look():
            seen.note(event)
        live.update()
