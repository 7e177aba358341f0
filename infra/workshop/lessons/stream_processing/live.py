"""The picture of lesson 11 that follows a topic of windows while a job writes it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import closing, contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from workshop.kafka.consume import read_all
from workshop.kafka.handle import Kafka
from workshop.lessons.stream_processing.pictures import spend
from workshop.notebook.live import Live

Windows = MutableMapping[tuple[str, int], int]
EVERY = 0.5  # seconds between two pictures: drawing takes processor time from the job


@contextmanager
def live_picture(ws: Kafka, topic: str) -> Iterator[None]:
    """Draw the windows in a topic while the block runs, and at its end all of them."""
    found: Windows = {}
    live, ended = Live(lambda: spend(dict(found)), EVERY), threading.Event()
    thread = threading.Thread(target=_follow, args=(ws, topic, found, live, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    note(found, read_all(ws, topic))
    live.finish()


def note(found: Windows, records: Iterable[Any]) -> None:
    """Store the value of each window by key and start; a later record replaces an earlier one."""
    for record in records:
        window = json.loads(record.value)
        found[record.key.decode(), window["start"]] = window["value"]


def _follow(ws: Kafka, topic: str, found: Windows, live: Live, ended: threading.Event) -> None:
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        while not ended.is_set():
            for records in consumer.poll(timeout_ms=100).values():
                note(found, records)
            if found:
                live.update()
