"""Dead letters: records that a service could not process, in a topic of their own.

A dead letter contains the record's bytes, its position and the reason. It is written in the transaction that commits the
service's offset after the record, so each record has one dead letter. People correct dead letters: `replay` publishes the
corrected value to the original topic, as a new record.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kafka import KafkaProducer

from workshop.kafka.consume import read_partitions

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

LARGEST = (
    900_000  # bytes of a dead letter: brokers refuse records over 1 MiB, and a refused dead letter stops the service
)
LONGEST_REASON = 500
OURS = ("source-topic", "source-partition", "source-offset", "service", "reason", "whole")


@dataclass(frozen=True)
class DeadLetter:
    """A record that a service could not process.

    Attributes:
        key, value: the record's bytes.
        topic, partition, offset: the record's position.
        service: the name of the service.
        reason: the reason, as text of the service.
        whole: whether `key` and `value` are complete; those of an oversized record are truncated.
    """

    key: bytes | None
    value: bytes | None
    topic: str
    partition: int
    offset: int
    service: str
    reason: str
    whole: bool = True


def letter(record: ConsumerRecord, service: str, reason: str) -> dict:
    """Return the arguments of `producer.send` for the dead letter of a record."""
    key, value, headers = record.key, record.value, list(record.headers or ())
    size = len(key or b"") + len(value or b"") + sum(len(name) + len(content or b"") for name, content in headers)
    whole = size <= LARGEST
    if not whole:
        key, value, headers = key and key[:1_000], value and value[: LARGEST - 10_000], []
    about = (record.topic, record.partition, record.offset, service, reason[:LONGEST_REASON], "yes" if whole else "no")
    own = [(name, str(content).encode(errors="replace")) for name, content in zip(OURS, about, strict=True)]
    return {"key": key, "value": value, "headers": [*headers, *own]}


def read(kafka: Mapping, topic: str) -> list[DeadLetter]:
    """Return all dead letters of a topic, ordered by the positions of the original records.

    Raises:
        WorkshopError: the topic does not exist.
    """
    records = read_partitions(kafka, topic, None, isolation_level="read_committed")
    return sorted((_opened(record) for record in records), key=lambda one: (one.topic, one.partition, one.offset))


def replay(kafka: Mapping, dead: DeadLetter, mended: bytes) -> object:
    """Publish the corrected value of a dead letter to its original topic; return the new position.

    A second replay is harmless if the reader skips what it has already answered, as `debits` does by payment id.
    """
    origin = f"{dead.topic}/{dead.partition}/{dead.offset}".encode()
    with closing(KafkaProducer(**kafka, acks="all")) as producer:
        sent = producer.send(dead.topic, key=dead.key, value=mended, headers=[("mended-from", origin)])
        return sent.get(timeout=30)


def _opened(record: ConsumerRecord) -> DeadLetter:
    told = {name: content.decode() for name, content in record.headers if name in OURS}
    topic, partition, offset, service, reason, whole = (told[name] for name in OURS)
    return DeadLetter(record.key, record.value, topic, int(partition), int(offset), service, reason, whole == "yes")
