"""Who leads a partition, who copies it, who is in sync: asked while brokers die."""

from __future__ import annotations

from contextlib import closing

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from workshop.base.waiting import wait_until
from workshop.kafka import admin as kafka_admin
from workshop.kafka.handle import Kafka


def partitions(ws: Kafka, topic: str) -> list[dict]:
    """What the metadata say of each partition now, asked of whichever broker answers."""
    quick = {"bootstrap_servers": ws.addresses(), "request_timeout_ms": 1_500}
    with closing(kafka_admin.admin(ws.kafka, **quick)) as admin:
        found = wait_until(lambda: _described(admin, topic), 30, "a broker that answers", every=0.05)
    return sorted(found, key=lambda partition: partition["partition_index"])


def _described(admin: KafkaAdminClient, topic: str) -> list[dict]:
    """Nothing if the broker that the client asked is the dead or the frozen one: the next time it asks another."""
    try:
        return admin.describe_topics([topic])[0]["partitions"]
    except (KafkaError, OSError):
        return []


def leader_of(ws: Kafka, topic: str, number: int = 0) -> int:
    """The broker that leads a partition now."""
    return partitions(ws, topic)[number]["leader_id"]


def followers_of(ws: Kafka, topic: str, number: int = 0) -> list[int]:
    """The brokers that copy a partition."""
    partition = partitions(ws, topic)[number]
    return [node for node in partition["replica_nodes"] if node != partition["leader_id"]]


def copied(ws: Kafka, topic: str, number: int = 0) -> int:
    """Up to which offset every replica that is in sync has a partition: its high watermark."""
    place = TopicPartition(topic, number)
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        return consumer.end_offsets([place])[place]
