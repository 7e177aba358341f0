"""Events that an exercise sent to another topic than the one that was meant."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from workshop.notebook.connection import Connection

LIKELY = {"payments", "my_topic"}
EARLIER = "first-payments-"  # the topics of earlier runs of the set-up cell


def end_offsets(ws: Connection) -> dict[tuple[str, int], int]:
    """Return the end offsets of the topics to which a payment may go by mistake, by topic and partition."""
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        names = [name for name in consumer.topics() if name in LIKELY or name.startswith(EARLIER)]
        places = [TopicPartition(name, n) for name in names for n in consumer.partitions_for_topic(name) or ()]
        ends = consumer.end_offsets(places) if places else {}
    return {(place.topic, place.partition): end for place, end in ends.items()}


def grown(ws: Connection, topic: str, before: Mapping[tuple[str, int], int]) -> dict[str, int]:
    """Return the number of new events by topic, without `topic`; empty without offsets to compare with."""
    found: dict[str, int] = {}
    for (name, number), end in end_offsets(ws).items() if before else ():
        if name != topic and end > before.get((name, number), 0):
            found[name] = found.get(name, 0) + end - before.get((name, number), 0)
    return found


def listed(events: Mapping[str, int]) -> str:
    """Return the numbers of new events in words."""
    many = [f"`{name}` has {count} new event{'s' * (count != 1)}" for name, count in sorted(events.items())]
    return ", and ".join(many)
