"""Records that a service could not use, set aside in a topic of their own: as they were, with where they lay and why.

A dead letter is written in the transaction that moves the service's place past the record, so that each is there once. It is
mended by people: `replay` publishes what they make of it to where it came from, as a new record.
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

LARGEST = 900_000  # bytes of a letter: a broker takes 1 MiB, and what was set aside must not stop anybody in its turn
LONGEST_REASON = 500
OURS = ("source-topic", "source-partition", "source-offset", "service", "reason", "whole")


@dataclass(frozen=True)
class DeadLetter:
    """A record that was set aside.

    Attributes:
        key, value: the record's own bytes.
        topic, partition, offset: where it lay.
        service: who could not use it.
        reason: why, as the service said it.
        whole: whether `key` and `value` are complete; those of a record that was too large are cut.
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
    """The arguments of `producer.send` that set a consumer's record aside."""
    key, value, headers = record.key, record.value, list(record.headers or ())
    size = len(key or b"") + len(value or b"") + sum(len(name) + len(content or b"") for name, content in headers)
    whole = size <= LARGEST
    if not whole:
        key, value, headers = key and key[:1_000], value and value[: LARGEST - 10_000], []
    about = (record.topic, record.partition, record.offset, service, reason[:LONGEST_REASON], "yes" if whole else "no")
    own = [(name, str(content).encode(errors="replace")) for name, content in zip(OURS, about, strict=True)]
    return {"key": key, "value": value, "headers": [*headers, *own]}


def read(kafka: Mapping, topic: str) -> list[DeadLetter]:
    """Every dead letter of a topic, in the order in which the records lay in theirs.

    Raises:
        WorkshopError: there is no such topic.
    """
    records = read_partitions(kafka, topic, None, isolation_level="read_committed")
    return sorted((_opened(record) for record in records), key=lambda one: (one.topic, one.partition, one.offset))


def replay(kafka: Mapping, dead: DeadLetter, mended: bytes) -> object:
    """Publish what a dead letter should have been to the topic that it came from; returns where it was written.

    To do it twice is harmless where the reader knows what it has answered, as `debits` does by the payment's id.
    """
    origin = f"{dead.topic}/{dead.partition}/{dead.offset}".encode()
    with closing(KafkaProducer(**kafka, acks="all")) as producer:
        sent = producer.send(dead.topic, key=dead.key, value=mended, headers=[("mended-from", origin)])
        return sent.get(timeout=30)


def _opened(record: ConsumerRecord) -> DeadLetter:
    told = {name: content.decode() for name, content in record.headers if name in OURS}
    topic, partition, offset, service, reason, whole = (told[name] for name in OURS)
    return DeadLetter(record.key, record.value, topic, int(partition), int(offset), service, reason, whole == "yes")
