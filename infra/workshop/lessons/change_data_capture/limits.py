"""Lesson 06, a new service: payments, limit changes in the monolith, and the resulting alerts."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

from kafka import KafkaProducer

from workshop.base.waiting import wait_until
from workshop.domain.payments import PaymentMade
from workshop.domain.payments.limits import LimitExceeded
from workshop.kafka import consume
from workshop.lessons.change_data_capture import outbox
from workshop.lessons.change_data_capture.bank import Bank
from workshop.lessons.change_data_capture.live import Arrivals, arrivals
from workshop.lessons.change_data_capture.observations import PAID, Joined
from workshop.lessons.change_data_capture.pictures import draw_alerts
from workshop.notebook import services
from workshop.notebook.live import Live

FIRST_LIMIT = 500_00  # cents
CHANGES = 3  # of the card, by `change_card`
EVERY = 0.1  # seconds between two payments


def limit_alerts(bank: Bank) -> Joined:
    """Start `limit-alerts`, pay with one card repeatedly, and let the monolith change its limit."""
    outbox.follow(bank)
    [card] = bank.open_cards(1)
    bank.settled("cards")
    payments, alerts = bank.ws.fresh_topic("payments", partitions=1), bank.ws.fresh_topic("limit-alerts", partitions=1)
    service = services.limit_alerts(bank.ws, bank.topic("cards"), payments, alerts)
    seen = Joined(card=card, limits=[(0.0, FIRST_LIMIT)])
    service.start()
    try:
        _wait_for_service(bank, payments, alerts)
        with closing(KafkaProducer(**bank.ws.kafka, acks="all")) as producer, arrivals(bank, "cards") as reader:
            live = Live(lambda: draw_alerts(seen))
            began = time.time()
            _pay_and_change(bank, seen, began, producer, payments, reader, live)

            def alerted() -> bool:
                _pay_once(seen, producer, payments, began)
                return _alerted_after_deletion(bank, seen, alerts)

            wait_until(alerted, 60, "an alert about the deleted card", every=EVERY)
            live.finish()
    finally:
        service.stop()
    return seen


def _wait_for_service(bank: Bank, payments: str, alerts: str) -> None:
    """Wait until the service works: a payment with an unknown card leads to an alert."""
    with closing(KafkaProducer(**bank.ws.kafka, acks="all")) as producer:
        _pay(producer, payments, "card-of-nobody")
    wait_until(lambda: consume.read_all(bank.ws, alerts), 60, "limit-alerts to answer", every=0.1)


def _pay(producer: KafkaProducer, topic: str, card: str) -> PaymentMade:
    payment = PaymentMade(card, "terminal-00042", PAID, datetime.now(UTC))
    producer.send(topic, key=payment.key(), value=payment.value()).get(timeout=60)
    return payment


def _pay_and_change(
    bank: Bank, seen: Joined, began: float, producer: KafkaProducer, topic: str, reader: Arrivals, live: Live
) -> None:
    with ThreadPoolExecutor(1, "monolith") as pool:
        work = pool.submit(change_card, bank, seen.card)
        while not work.done():
            _pay_once(seen, producer, topic, began)
            seen.limits[1:] = _committed(reader, began)
            live.update()
            time.sleep(EVERY)
    work.result()
    wait_until(lambda: len(_committed(reader, began)) >= CHANGES, 60, "the changes to arrive", every=0.1)
    seen.limits[1:] = _committed(reader, began)


def change_card(bank: Bank, card: str, pause: float = 2.0) -> None:
    """Let the monolith lower a card's limit, raise it, and delete the card: one change after the other.

    Each change waits for the end of the one before. Each is a process of its own, which takes seconds to start on a busy
    machine. If they ran at the same time, the deletion could come first; a later change would find no card and never arrive.

    Args:
        pause: seconds before, between and after the changes.
    """
    time.sleep(pause)
    for words in (("limit", card, 200_00), ("limit", card, 400_00), ("close", int(card.removeprefix("card-")))):
        bank.monolith(*words)
        time.sleep(pause)


def _committed(reader: Arrivals, began: float) -> list[tuple[float, int | None]]:
    return [
        (change.committed_ms / 1000 - began, change.after["limit_cents"] if change.after else None)
        for _, change in reader.seen
        if change.operation in ("update", "delete")
    ]


def _pay_once(seen: Joined, producer: KafkaProducer, topic: str, began: float) -> None:
    payment = _pay(producer, topic, seen.card)
    seen.payments[payment.payment_id] = payment.at.timestamp() - began


def _alerted_after_deletion(bank: Bank, seen: Joined, alerts: str) -> bool:
    found = [LimitExceeded.parse(record.value) for record in consume.read_all(bank.ws, alerts)]
    seen.alerted = {alert.payment_id for alert in found} & set(seen.payments)
    gone = next(when for when, limit in seen.limits if limit is None)
    return any(when > gone and name in seen.alerted for name, when in seen.payments.items())
