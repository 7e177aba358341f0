"""Freezes of a follower, noted so that a check can tell what was written meanwhile."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager

from kafka import TopicPartition

from workshop.kafka import admin as kafka_admin
from workshop.kafka.replicas import copied, followers_of, leader_of
from workshop.lessons.replication.observations import Freeze
from workshop.notebook.connection import Connection

SECONDS = 1.8  # a frozen broker counts as in sync for the first of them (broker.session.timeout.ms)
NOTED: dict[str, list[Freeze]] = defaultdict(list)  # by topic


@contextmanager
def frozen_follower(ws: Connection, topic: str, seconds: float = SECONDS) -> Iterator[int]:
    """Freeze a follower of partition 0, and resume it after the given seconds in any case.

    Yields:
        The frozen broker.
    """
    leader, node = leader_of(ws, topic), followers_of(ws, topic)[0]
    first, size = copied(ws, topic), size_of(ws, topic, leader)
    seen = []

    def thaw() -> None:
        try:
            seen.append(size_of(ws, topic, leader))
        finally:
            ws.brokers.resume(node)

    timer = threading.Timer(seconds, thaw)
    ws.brokers.pause(node)
    timer.start()
    try:
        yield node
    finally:
        timer.join()
        NOTED[topic].append(Freeze(node, first, bool(seen) and seen[0] > size))


def size_of(ws: Connection, topic: str, node: int) -> int:
    """Return the bytes of partition 0 in the log of a broker; they grow before its followers have copied."""
    quick = {"bootstrap_servers": ws.addresses(), "request_timeout_ms": 3_000}
    with closing(kafka_admin.admin(ws.kafka, **quick)) as admin:
        (broker,) = admin.describe_log_dirs({topic: [0]}, brokers=[node])
    topics = [topic for folder in broker["log_dirs"] for topic in folder["topics"]]
    return sum(part["partition_size"] for one in topics for part in one["partitions"])


def numbered(ws: Connection, topic: str) -> int:
    """Return how many records of partition 0 carry the number of an idempotent producer, as its leader remembers."""
    with closing(ws.admin()) as admin:
        (state,) = admin.describe_producers([TopicPartition(topic, 0)]).values()
    # Each producer numbers its records per partition from 0. The leader remembers the last number of each producer.
    return sum(producer.last_sequence + 1 for producer in state.active_producers)
