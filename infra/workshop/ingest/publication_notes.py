"""Progress of a file's publication: one note per transaction, in the topic `publications`."""

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
    """The progress of a publication: published rows, and the id of the topic.

    The id shows whether the topic was deleted and created again in the meantime.
    """

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
    """Return the last note of a publication, by its key, or `fresh`.

    `fresh` is returned if there is no note, or if the topic was deleted or emptied since.

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
            "Use the same options to resume, or choose another topic.",
        )
    return note


def _notes(ws: Kafka) -> list[tuple[bytes, bytes]]:
    """Return keys and values of the topic of notes, up to the last record before this call.

    The last stable offset is not enough: another file's open transaction may precede this file's last note.
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
