"""Queries for the leaders and replicas of partitions that also work while brokers fail."""

from __future__ import annotations

from contextlib import closing

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from workshop.base.waiting import wait_until
from workshop.kafka import admin as kafka_admin
from workshop.kafka.failures import NoSuchTopic
from workshop.kafka.handle import Kafka


def partitions(ws: Kafka, topic: str) -> list[dict]:
    """Return the current metadata of each partition, from any broker that answers.

    Raises:
        NoSuchTopic: the topic does not exist.
    """
    quick = {"bootstrap_servers": ws.addresses(), "request_timeout_ms": 1_500}
    with closing(kafka_admin.admin(ws.kafka, **quick)) as admin:
        found = wait_until(lambda: _described(admin, topic), 30, "a broker that answers", every=0.05)
    return sorted(found, key=lambda partition: partition["partition_index"])


def _described(admin: KafkaAdminClient, topic: str) -> list[dict]:
    """Return the metadata, or nothing if the broker is dead or frozen; the next call asks another one."""
    try:
        return admin.describe_topics([topic])[0]["partitions"]
    except NoSuchTopic:
        raise
    except (KafkaError, OSError):
        return []


def leader_of(ws: Kafka, topic: str, number: int = 0) -> int:
    """Return the current leader of a partition."""
    return partitions(ws, topic)[number]["leader_id"]


def followers_of(ws: Kafka, topic: str, number: int = 0) -> list[int]:
    """Return the followers of a partition."""
    partition = partitions(ws, topic)[number]
    return [node for node in partition["replica_nodes"] if node != partition["leader_id"]]


def copied(ws: Kafka, topic: str, number: int = 0) -> int:
    """Return the high watermark of a partition: every in-sync replica has all records below it."""
    place = TopicPartition(topic, number)
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        return consumer.end_offsets([place])[place]
