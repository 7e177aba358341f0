"""Reading of topics up to their current end offsets."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, TopicPartition

from workshop.base.errors import WorkshopError
from workshop.kafka.failures import NoSuchTopic
from workshop.kafka.transactions import committed_ends

if TYPE_CHECKING:  # the services use this module; their image has no notebooks and no backends
    from workshop.kafka.handle import Kafka

PATIENCE = 30.0  # seconds without a new record


def read_all(ws: Kafka, topic: str, **options: Any) -> list:
    """Return all current records of a topic, partition by partition, in order of their offsets.

    Raises:
        WorkshopError: the topic does not exist, or no new record arrives for 30 seconds.
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
    """Return all current records of some or all partitions, in the order of `read_all`.

    Args:
        numbers: the partitions, or None for all.
        first: partition to the offset of the first record; other partitions are read from their beginning.
        until: partition to the offset to stop before, with a wait until it is readable; other partitions are read to their
            current end.
        options: for `KafkaConsumer`; `isolation_level="read_committed"` includes all transactions that were committed before
            the call, and leaves out records of aborted ones.

    Raises:
        WorkshopError: the topic does not exist, or no new record arrives for 30 seconds.
    """
    with closing(KafkaConsumer(**kafka, **options)) as consumer:
        every = _numbers(consumer, topic)
        partitions = [TopicPartition(topic, number) for number in (every if numbers is None else numbers)]
        consumer.assign(partitions)
        ends = {TopicPartition(topic, number): end for number, end in (until or {}).items()}
        current = [place for place in partitions if place not in ends]
        if current:
            committed = options.get("isolation_level") == "read_committed"
            ends |= committed_ends(kafka, current) if committed else consumer.end_offsets(current)
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
            happened = f"Reading topic '{topic}' stopped: no new record arrived for {PATIENCE:g} s."
            raise WorkshopError(happened, "`workshop status` shows what runs.")
    return found


def partitions_of(ws: Kafka, topic: str) -> list[int]:
    """Return the numbers of a topic's partitions.

    Raises:
        WorkshopError: the topic does not exist.
    """
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        return _numbers(consumer, topic)


def _numbers(consumer: KafkaConsumer, topic: str) -> list[int]:
    numbers = sorted(consumer.partitions_for_topic(topic) or ())
    if not numbers:
        raise NoSuchTopic(topic)
    return numbers


def partition_of_key(ws: Kafka, topic: str, key: bytes) -> int | None:
    """Return the partition that contains events with this key, or None."""
    return next((record.partition for record in read_all(ws, topic) if record.key == key), None)
