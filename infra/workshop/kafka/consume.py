"""Reads what is in a topic now: everything up to the end offsets of this moment, then stops."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, TopicPartition

from workshop.base.errors import WorkshopError

if TYPE_CHECKING:  # the services read too, and their image holds neither notebooks nor backends
    from workshop.kafka.handle import Kafka

PATIENCE = 30.0  # seconds without any new record


def read_all(ws: Kafka, topic: str, **options: Any) -> list:
    """Every record of a topic as of now, partition by partition, each in order of its offsets.

    Raises:
        WorkshopError: the topic does not exist, or its brokers stopped answering on the way.
    """
    return read_partitions(ws.kafka, topic, None, **options)


def read_partitions(
    kafka: Mapping,
    topic: str,
    numbers: Iterable[int] | None,
    first: Mapping[int, int] | None = None,
    until: Mapping[int, int] | None = None,
    **options: Any,
) -> list:
    """Every record of some partitions as of now, or of all; for the rest as `read_all`.

    Args:
        first: partition to the offset to begin with; the others begin where they begin.
        until: partition to the offset to stop before, waiting for it if it is not readable yet; the others stop where they
            end now.
        options: for `KafkaConsumer`; with `isolation_level="read_committed"`, what a transaction took back is not seen.
    """
    with closing(KafkaConsumer(**kafka, **options)) as consumer:
        every = _numbers(consumer, topic)
        partitions = [TopicPartition(topic, number) for number in (every if numbers is None else numbers)]
        consumer.assign(partitions)
        ends = {
            **consumer.end_offsets(partitions),
            **{TopicPartition(topic, n): end for n, end in (until or {}).items()},
        }
        consumer.seek_to_beginning(*partitions)
        for number, offset in (first or {}).items():
            consumer.seek(TopicPartition(topic, number), offset)
        found = _read_up_to(consumer, ends)
    return [record for partition in partitions for record in found[partition]]


def _read_up_to(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, list]:
    found: dict[TopicPartition, list] = {partition: [] for partition in ends}
    deadline = time.monotonic() + PATIENCE
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for partition, records in consumer.poll(timeout_ms=500).items():
            found[partition] += [record for record in records if record.offset < ends[partition]]
            deadline = time.monotonic() + PATIENCE
        if time.monotonic() > deadline:
            topic = next(iter(ends)).topic
            raise WorkshopError(f"Reading '{topic}' came to a halt.", "`workshop status` shows what runs.")
    return found


def partitions_of(ws: Kafka, topic: str) -> list[int]:
    """The numbers of a topic's partitions.

    Raises:
        WorkshopError: there is no such topic.
    """
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        return _numbers(consumer, topic)


def _numbers(consumer: KafkaConsumer, topic: str) -> list[int]:
    numbers = sorted(consumer.partitions_for_topic(topic) or ())
    if not numbers:
        raise WorkshopError(f"There is no topic '{topic}'.", "Run the cell that creates it.")
    return numbers


def partition_of_key(ws: Kafka, topic: str, key: bytes) -> int | None:
    """The partition in which events with this key lie, or None if there is none."""
    return next((record.partition for record in read_all(ws, topic) if record.key == key), None)
