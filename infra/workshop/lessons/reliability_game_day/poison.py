"""Payments as bytes, some of which no program of the bank can read."""

from __future__ import annotations

import json
import uuid
from contextlib import closing

from kafka import KafkaProducer

from workshop.notebook.connection import Connection

AT = "2018-06-12T10:00:00+00:00"


def fields(number: int) -> dict:
    """Return the fields of a valid payment."""
    return {
        "type": "PaymentMade",
        "card": f"card-{number:04d}",
        "terminal": "terminal-00001",
        "amount_cents": 100 + number,
        "at": AT,
        "payment_id": f"order-{number}-{uuid.uuid4().hex[:8]}",
    }


def readable(number: int) -> bytes:
    """Return a valid payment."""
    return json.dumps(fields(number)).encode()


def text_amount(card: str) -> bytes:
    """Return a payment with its amount as text: "12,50"."""
    return json.dumps({**fields(0), "card": card, "amount_cents": "12,50"}).encode()


def kinds(number: int) -> dict[str, bytes]:
    """Return unreadable payments by the kind of their fault."""
    good = fields(number)
    return {
        "not JSON": f"PAY;{good['card']};12.50".encode(),
        "a missing field": json.dumps({name: value for name, value in good.items() if name != "terminal"}).encode(),
        'the amount "12,50"': json.dumps({**good, "amount_cents": "12,50"}).encode(),
        "a negative amount": json.dumps({**good, "amount_cents": -1_250}).encode(),
        "an unknown version": json.dumps({**good, "type": "PaymentMadeV9"}).encode(),
    }


def publish_with_poison(ws: Connection, topic: str, records: int = 300, poison: int = 100) -> None:
    """Write payments to three partitions by turns; the one with the number `poison` is unreadable."""
    with closing(KafkaProducer(**ws.kafka, acks="all", linger_ms=20)) as producer:
        for number in range(records):
            value = kinds(number)['the amount "12,50"'] if number == poison else readable(number)
            producer.send(topic, key=f"card-{number:04d}".encode(), value=value, partition=number % 3)
        producer.flush()
