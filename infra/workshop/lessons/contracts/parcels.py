"""The trial of exercise 3: good payments and records that break the contract, in a topic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from kafka import KafkaProducer

from workshop.kafka import consume
from workshop.lessons.contracts.clients import client
from workshop.lessons.contracts.experiments import avro, changed, payments
from workshop.lessons.contracts.servers import Server
from workshop.notebook.connection import Connection

GOOD = 40
NOWHERE = "http://127.0.0.1:1"  # a port on which nothing listens
UNKNOWN_ID = 2_000_000_000


@dataclass(frozen=True)
class Aside:
    """A record in the dead-letter topic: its bytes and the reason."""

    value: bytes
    reason: str


class Trial:
    """A topic with good and bad records, a topic of accepted payments and a dead-letter topic."""

    def __init__(self, server: Server, good: Sequence[dict], bad: dict[str, bytes], values: Iterable[bytes]) -> None:
        """Write the records; `values` has all of them in their order."""
        self.ws, self.bad, self.good_ids = server.ws, bad, {payment["payment_id"] for payment in good}
        self._topics = {name: self.ws.fresh_topic(f"check-{name}", partitions=1) for name in ("in", "good", "dead")}
        self._reader = _deserializer(client(server.url), self._topics["in"])
        self.deserialize_in_an_outage = _deserializer(client(NOWHERE, **{"max.retries": 0}), self._topics["in"])
        send(self.ws, self._topics["in"], values)
        self.records = read(self.ws, self._topics["in"])

    def deserialize(self, value: bytes) -> Any:
        """Return the payment in a value."""
        return self._reader(value)

    def kind_of(self, record: Any) -> str:
        """Return what is wrong with a record."""
        return next((kind for kind, value in self.bad.items() if value == record.value), "a good payment")

    def accept(self, payment: dict) -> None:
        """Write a payment into the topic of accepted payments."""
        send(self.ws, self._topics["good"], [json.dumps(payment).encode()])

    def set_aside(self, record: Any, reason: str) -> None:
        """Write a record with a reason into the dead-letter topic."""
        value = getattr(record, "value", record)
        send(self.ws, self._topics["dead"], [value], [("reason", str(reason).encode())])

    def accepted(self) -> list[dict]:
        """Return the accepted payments."""
        return [json.loads(record.value) for record in read(self.ws, self._topics["good"])]

    def aside(self) -> list[Aside]:
        """Return the dead letters."""
        records = read(self.ws, self._topics["dead"])
        return [Aside(record.value, dict(record.headers)["reason"].decode()) for record in records]


def trial(server: Server, seed: int | None = None) -> Trial:
    """Write a topic with good and bad records in random order; the first record is good."""
    registry = client(server.url)
    topic = server.ws.fresh_name("check-writer")
    place = SerializationContext(topic, MessageField.VALUE)
    good = payments(GOOD, seed=3)
    serialize = AvroSerializer(registry, json.dumps(avro()))
    values = [bytes(serialize(payment, place) or b"") for payment in good]
    bad = bad_records(registry, f"{topic}-other", values[0])
    rest = [*values[1:], *bad.values()]
    Random(seed).shuffle(rest)  # noqa: S311
    return Trial(server, good, bad, [values[0], *rest])


def bad_records(registry: SchemaRegistryClient, topic: str, good: bytes) -> dict[str, bytes]:
    """Return records that break the contract, by what is wrong with them.

    Args:
        topic: a topic's name, under which a schema is registered that a payment's reader cannot use.
        good: the bytes of a payment.
    """
    payment = payments(1, seed=4)[0]
    without = changed(avro(), lambda fields: fields.pop(2))
    place = SerializationContext(topic, MessageField.VALUE)
    other = AvroSerializer(registry, without)(payment, place)
    return {
        "plain JSON": json.dumps({**payment, "amount_cents": "12,50"}).encode(),
        "an unknown schema id": b"\0" + UNKNOWN_ID.to_bytes(4, "big") + good[5:],
        "a payment that is cut short": good[:-20],
        "a schema without the amount": bytes(other or b""),
        "two bytes": b"\0\1",
    }


def send(ws: Connection, topic: str, values: Iterable[bytes], headers: Sequence[tuple[str, bytes]] = ()) -> None:
    """Write values into a topic, and wait until they are acknowledged."""
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        sent = [producer.send(topic, value=value, headers=list(headers)) for value in values]
        for future in sent:
            future.get(timeout=60)


def read(ws: Connection, topic: str) -> list:
    """Return all records of a topic."""
    return consume.read_all(ws, topic)


def _deserializer(registry: SchemaRegistryClient, topic: str) -> Callable[[bytes], Any]:
    reader = AvroDeserializer(registry, json.dumps(avro()))
    place = SerializationContext(topic, MessageField.VALUE)
    return lambda value: reader(value, place)
