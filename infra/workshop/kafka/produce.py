"""Publishing of events, with a wait until each of them is acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Protocol

from kafka import KafkaProducer

from workshop.kafka.handle import Kafka

# For many events: a producer that waits up to 20 ms fills its batches, and is twice as fast as with the defaults.
IN_BULK = {"linger_ms": 20, "batch_size": 917_504}


class Publishable(Protocol):
    """An event with its key, value, timestamp and headers: of a card, of a patient."""

    def key(self) -> bytes: ...
    def value(self) -> bytes: ...
    def timestamp_ms(self) -> int: ...
    def headers(self) -> list[tuple[str, bytes]]: ...


def publish(ws: Kafka, topic: str, events: Iterable[Publishable]) -> list:
    """Publish events with their keys and event times; return the position of each record."""
    with closing(KafkaProducer(**ws.kafka, acks="all", **IN_BULK)) as producer:
        futures = [
            producer.send(topic, key=e.key(), value=e.value(), timestamp_ms=e.timestamp_ms(), headers=e.headers())
            for e in events
        ]
        return [future.get(timeout=60) for future in futures]
