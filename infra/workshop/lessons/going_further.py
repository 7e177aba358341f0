"""Going further in lesson 01: share groups, which only confluent-kafka implements."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from typing import cast

from confluent_kafka import ShareConsumer
from kafka import KafkaProducer
from kafka.admin import ConfigResourceType

from workshop.base.errors import WorkshopError
from workshop.kafka import admin as kafka_admin
from workshop.kafka.consume import read_all
from workshop.notebook.connection import Connection
from workshop.notebook.live import Told

PATIENCE = 30.0


def _client(ws: Connection, group: str) -> dict:
    return {**ws.confluent(), "group.id": ws.full_name(group), "log_level": 2}


def share_one_partition(ws: Connection, members: int = 3) -> tuple[dict[str, int], int, int]:
    """Let the members of a share group (KIP-932) take single records from one partition.

    Returns:
        Member to the number of records that it took; the number of different records that they took together; the number of
        records in the partition.
    """
    topic, group = ws.fresh_topic("a-queue-on-the-log", partitions=1), f"share-{uuid.uuid4().hex[:6]}"
    from_the_first = {"share.auto.offset.reset": "earliest"}
    kafka_admin.alter_configs(ws.kafka, ConfigResourceType.GROUP, group, from_the_first)
    taken: dict[str, list[int]] = {f"member-{n}": [] for n in range(members)}
    end, told = threading.Event(), Told()
    told.say("the members join")
    threads = [threading.Thread(target=_take, args=(ws, topic, group, mine, end)) for mine in taken.values()]
    for thread in threads:
        thread.start()
    try:
        with closing(KafkaProducer(**ws.kafka)) as producer:
            # The group needs some seconds to include all members: publish until each of them has taken some records.
            deadline = time.monotonic() + PATIENCE
            while min(map(len, taken.values())) < 10 and time.monotonic() < deadline:
                producer.send(topic, value=b"a record").get(timeout=20)
                time.sleep(0.002)
        told.say("each of them has taken records: waiting until all records are taken")
        written = len(read_all(ws, topic))
        _wait(lambda: len(_different(taken)) >= written)
    finally:
        end.set()
        for thread in threads:
            thread.join()
    return {member: len(mine) for member, mine in taken.items()}, len(_different(taken)), written


def _different(taken: dict[str, list[int]]) -> set[int]:
    """Return the offsets that any member took; a record can be delivered to two members if the first is late."""
    return {offset for mine in taken.values() for offset in mine}


def _take(ws: Connection, topic: str, group: str, mine: list[int], end: threading.Event) -> None:
    consumer = ShareConsumer(_client(ws, group))
    consumer.subscribe([ws.full_name(topic)])
    while not end.is_set():
        for message in consumer.poll(timeout=0.2) or ():
            if not message.error():
                mine.append(cast(int, message.offset()))  # None only for a message that was not written yet
                time.sleep(0.02)
    consumer.close()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise WorkshopError("The share group did not take all records in time.", "Run the cell again.")
        time.sleep(0.2)
