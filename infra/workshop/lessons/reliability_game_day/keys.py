"""Lesson 09, retries with and without an idempotency key: records in the log, and debits."""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import suppress

import httpx
import pandas as pd

from workshop.base.waiting import wait_until
from workshop.domain.payments import MalformedEvent, PaymentMade, parse
from workshop.domain.payments.events import AccountDebited
from workshop.kafka import consume
from workshop.notebook.connection import Connection


def pay_twice(ws: Connection) -> pd.DataFrame:
    """Send the same order twice with one key, and twice without; return records in the log and debits.

    Raises:
        WorkshopError: the payments are not acknowledged, or not debited, in time.
    """
    card, key = f"card-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    body = {"card": card, "terminal": "terminal-00001", "amount_cents": 4_200}
    ways = {"with one key": {"Idempotency-Key": key}, "without a key": {}}
    with httpx.Client(base_url=ws.payments, trust_env=False, timeout=30) as client:
        ids = {way: [_acknowledged(client, body, headers) for _ in range(2)] for way, headers in ways.items()}
    everything = {one for found in ids.values() for one in found}
    debited = wait_until(lambda: _debited(ws, card, everything), 90, "the debits", every=0.3)
    written = _times(ws, "payments", PaymentMade, card)
    rows = [
        (
            way,
            len(found),
            sum(written[one] for one in set(found)),
            len(set(found)),
            sum(debited[one] for one in set(found)),
        )
        for way, found in ids.items()
    ]
    columns = ["", "acknowledged", "records in payments", "payment ids", "debits"]
    return pd.DataFrame(rows, columns=columns).set_index("")


def _acknowledged(client: httpx.Client, body: dict, headers: dict) -> str:
    """Return the id of an acknowledged payment; retry while Kafka is unavailable."""

    def paid() -> str:
        with suppress(httpx.TransportError):
            answer = client.post("/payments", json=body, headers=headers)
            return answer.json()["payment_id"] if answer.status_code == httpx.codes.CREATED else ""
        return ""

    return wait_until(
        paid, 60, "a payment to be acknowledged", every=0.5, next_step="`workshop status` shows what runs."
    )


def _debited(ws: Connection, card: str, ids: set[str]) -> Counter:
    """Return the number of debits of each payment of a card, once all given payments are debited."""
    found = _times(ws, "debits", AccountDebited, card, isolation_level="read_committed")
    return found if ids <= set(found) else Counter()


def _times(ws: Connection, topic: str, kind: type, card: str, **options: object) -> Counter:
    """Return the number of a card's events of one kind in a topic, by payment."""
    found: Counter = Counter()
    for record in consume.read_all(ws, topic, **options):
        with suppress(MalformedEvent):
            event = parse(record.value)
            if isinstance(event, kind) and event.card == card:
                found[event.payment_id] += 1
    return found
