"""How far a file's publication is: a note a transaction, in the topic `publications`, so that a resumed one goes on there."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass

from kafka import KafkaConsumer, TopicPartition

from workshop.base.errors import WorkshopError
from workshop.kafka.handle import Kafka

NOTES = "publications"
PATIENCE = 90.0  # seconds; another publisher's open transaction lasts at most a minute


@dataclass(frozen=True)
class Note:
    """How far a publication is: rows done, and the topic it went to, which may have been deleted and made anew since."""

    topic_id: str
    chunk: int
    accepted: int = 0
    refused: int = 0
    complete: bool = False
    reading: str = ""

    @property
    def rows(self) -> int:
        return self.accepted + self.refused


def resume(ws: Kafka, key: bytes, name: str, topic: str, fresh: Note) -> Note:
    """The last note of a publication, by its key; `fresh` if there is none, or the topic is not the one it speaks of.

    Raises:
        WorkshopError: the file was published to this topic already, read in another way.
    """
    values = [value for found, value in _notes(ws) if found == key]
    if not values:
        return fresh
    known = {**asdict(fresh), "reading": "", **json.loads(values[-1])}
    note = Note(**{name: known[name] for name in asdict(fresh)})
    if note.topic_id != fresh.topic_id or (note.accepted and _is_empty(ws, topic)):
        return fresh
    if note.rows and note.reading != fresh.reading:
        raise WorkshopError(
            f"{name} was published to '{topic}' before, read in another way"
            + (f": {note.reading}." if note.reading else "."),
            "Say it in the same way to go on; or take another topic for another reading.",
        )
    return note


def _notes(ws: Kafka) -> list[tuple[bytes, bytes]]:
    """Keys and values of the topic of notes, up to what was written last before this call.

    Not only up to the last stable offset: another file's open transaction may lie before this file's last note.
    """
    place, found = TopicPartition(NOTES, 0), []
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        end = consumer.end_offsets([place])[place]
    with closing(KafkaConsumer(**ws.kafka, isolation_level="read_committed")) as consumer:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        deadline = time.monotonic() + PATIENCE
        while consumer.position(place) < end:
            for records in consumer.poll(timeout_ms=500).values():
                found += [(record.key, record.value) for record in records]
            if time.monotonic() > deadline:
                raise WorkshopError(f"The topic '{NOTES}' could not be read to its end.", "Try again in a minute.")
    return found


def _is_empty(ws: Kafka, topic: str) -> bool:
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        return consumer.beginning_offsets(places) == consumer.end_offsets(places)
