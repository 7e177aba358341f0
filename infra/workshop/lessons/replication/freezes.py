"""Freezes of a follower, noted so that a check can tell what was written meanwhile."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager

from kafka import TopicPartition

from workshop.base.waiting import wait_until
from workshop.kafka import admin as kafka_admin
from workshop.kafka.replicas import copied, followers_of, leader_of, partitions
from workshop.lessons.replication.observations import Freeze
from workshop.notebook.connection import Connection

SECONDS = 1.8  # a frozen broker counts as in sync for the first of them (broker.session.timeout.ms)
LONGEST = 15.0  # a producer on a busy machine may need many times SECONDS for its first record
LOOK_EVERY = 0.2
BACK = 60.0  # seconds within which a resumed follower is in sync again
STAYS = 0.5  # seconds, more than broker.heartbeat.interval.ms: a busy controller may fence a follower that is resumed already
NOTED: dict[str, list[Freeze]] = defaultdict(list)  # by topic


@contextmanager
def frozen_follower(ws: Connection, topic: str, seconds: float = SECONDS) -> Iterator[int]:
    """Freeze a follower of partition 0 until something is written meanwhile, at least for the given seconds.

    If nothing is written, it is resumed after `LONGEST` seconds. The block ends when the follower is in sync again: a topic
    that is created earlier would lack a replica in sync.

    Yields:
        The frozen broker.

    Raises:
        WorkshopError: the follower is not in sync in time.
    """
    leader, node = leader_of(ws, topic), followers_of(ws, topic)[0]
    first, size = copied(ws, topic), size_of(ws, topic, leader)
    seen = []

    def thaw() -> None:
        try:
            seen.append(_grows(ws, topic, leader, size))
        finally:
            ws.brokers.resume(node)

    timer = threading.Timer(seconds, thaw)
    ws.brokers.pause(node)
    timer.start()
    try:
        yield node
    finally:
        timer.join()
        NOTED[topic].append(Freeze(node, first, any(seen)))
        _wait_until_back(ws, topic, node)


def _wait_until_back(ws: Connection, topic: str, node: int) -> None:
    """Wait until a resumed follower is registered and in sync, and still is some moments later."""

    def is_back() -> bool:
        return node in ws.brokers.registered() and node in partitions(ws, topic)[0]["isr_nodes"]

    wait_until(is_back, BACK, f"broker {node} to be in sync again", every=0.1)
    time.sleep(STAYS)
    wait_until(is_back, BACK, f"broker {node} to stay in sync", every=0.1)


def _grows(ws: Connection, topic: str, leader: int, size: int) -> bool:
    """Wait until the leader's log is larger than `size` bytes; return whether it is."""
    deadline = time.monotonic() + LONGEST
    while size_of(ws, topic, leader) <= size:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY)
    return True


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
