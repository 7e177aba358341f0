"""Publishes a log, which is a file, once and whole, however often it is tried and wherever it is cut off.

A publication is a file's SHA-256 and a topic. Every chunk of rows goes in one transaction with the rows that were
refused (topic `<topic>-dead-letters`) and a note of how far it is (topic `publications`), so a resumed one goes on exactly
there. The producer is confluent-kafka's: with acks=all it takes 162,000 events of 100 bytes a second, kafka-python 43,000.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Producer
from kafka.admin import ConfigResource, ConfigResourceType

from workshop.base.errors import WorkshopError
from workshop.ingest.columns import Refused
from workshop.ingest.payment_records import Payments
from workshop.ingest.prepared import Prepared
from workshop.ingest.publication_kinds import Kind, Part
from workshop.ingest.publication_notes import NOTES, Note, resume
from workshop.kafka import topics
from workshop.kafka.handle import Kafka
from workshop.kafka.name_prefix import full
from workshop.kafka.topics import DEAD_LETTERS

LOG = logging.getLogger(__name__)  # the client's own lines: what matters is told as a sentence
LOG.addHandler(logging.NullHandler())
CHUNK = 30_000  # rows of one transaction
PATIENCE = 90.0  # seconds for one step; another publisher's open transaction lasts at most a minute
ATTEMPTS = 3
LONGEST_RAW = 10_000  # characters of a refused row that are kept
FENCED = (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED)
# Brokers refuse records more than an hour ahead of their clock; a log may hold events that are dated ahead.
LOG_TOPIC = {**topics.FOR_EVER, "message.timestamp.after.max.ms": str(2**63 - 1)}


@dataclass(frozen=True)
class Publication:
    """What became of a file.

    Attributes:
        accepted: how many of its rows lie in the topic now, in all.
        refused: how many lie in the dead-letter topic, in all.
        seconds: how long this call took.
        already: how many rows, accepted or refused, earlier calls had published; all of them if it was complete.
        notes: how the file was read, as sentences, where its reader should know.
    """

    accepted: int
    refused: int
    seconds: float
    already: int
    notes: tuple[str, ...] = ()


def publish_file(
    ws: Kafka, path: Path, topic: str, progress: Callable[[float], None] | None = None, kind: Kind | None = None
) -> Publication:
    """Publish every row of a log as an event, under its key and with its own time; payments, if no kind is named.

    Topics that are missing are created, to be kept for ever. Consumers that read with `isolation_level="read_committed"`
    see each row once.

    Args:
        path: a file with the columns that the kind needs; see `workshop.ingest`.
        progress: is told the share of the file that is done, from 0 to 1.

    Raises:
        WorkshopError: the file, the topic or the brokers are not as they must be; what was published stays, and the
            same call goes on from there.
    """
    began = time.monotonic()
    path, tell, kind = Path(path), progress or (lambda share: None), kind or Payments()
    source = _Source(kind.prepare(path), topic, kind)
    fresh = Note(_prepare(ws, topic), CHUNK, reading=kind.reading(source.prepared))
    try:
        with _producer(ws, source.sha, topic) as producer:
            _persist(producer.init_transactions)  # from here on no other publisher of this file can write
            start = resume(ws, source.key, path.name, topic, fresh)
            note = start if start.complete else _publish(producer, source, start, tell)
    except KafkaException as error:
        raise _sentence(error.args[0], topic) from None
    tell(1.0)
    seconds = time.monotonic() - began
    return Publication(note.accepted, note.refused, seconds, start.rows, source.prepared.notes)


@dataclass(frozen=True)
class _Source:
    """A file, where it goes, and what its rows mean."""

    prepared: Prepared
    topic: str
    kind: Kind

    @property
    def path(self) -> Path:
        return self.prepared.table.path

    @property
    def sha(self) -> str:
        return self.prepared.sha

    @property
    def key(self) -> bytes:
        return f"{self.sha}-{self.topic}".encode()


def _publish(producer: Producer, source: _Source, note: Note, tell: Callable[[float], None]) -> Note:
    """Publish what the note does not hold yet, a transaction a chunk; returns the last note, which says so."""
    skip = note.rows
    for part in source.kind.parts(source.prepared, note.chunk):
        if skip:  # chunks are cut as they were the first time
            skip -= len(part.records) + len(part.refused)
        else:
            note = replace(note, accepted=note.accepted + len(part.records), refused=note.refused + len(part.refused))
            _transaction(producer, partial(_send, producer, source, part, note))
        tell(part.share)
    note = replace(note, complete=True)
    _transaction(producer, partial(_send_note, producer, source, note))
    return note


def _send(producer: Producer, source: _Source, part: Part, note: Note) -> None:
    for record in part.records:
        _produce(producer, source.topic, *record)
    headers = [("type", source.kind.refused_type.encode()), ("version", b"1")]
    for row in part.refused:
        _produce(producer, source.topic + DEAD_LETTERS, *_dead_letter(row, source), 0, headers)
    _send_note(producer, source, note)


def _produce(producer: Producer, topic: str, key: bytes, value: bytes, at: int, headers: list) -> None:
    """Queue a record; `at` in milliseconds since 1970, 0 for now."""
    while True:
        try:
            return producer.produce(full(topic), value, key, timestamp=at, headers=headers)
        except BufferError:  # the queue is full: let some of it go
            producer.poll(0.05)


def _dead_letter(row: Refused, source: _Source) -> tuple[bytes, bytes]:
    told = {"file": source.path.name, "sha256": source.sha, **asdict(row), "raw": row.raw[:LONGEST_RAW]}
    return f"{source.sha[:12]}-{row.line}".encode(), json.dumps(told).encode()


def _send_note(producer: Producer, source: _Source, note: Note) -> None:
    value = json.dumps({"topic": source.topic, "sha256": source.sha, **asdict(note)}).encode()
    producer.produce(full(NOTES), value, source.key)


def _transaction(producer: Producer, send: Callable[[], None]) -> None:
    """All that `send` sends, or nothing; once more where Kafka asks for that."""
    for attempt in range(1, ATTEMPTS + 1):
        producer.begin_transaction()
        try:
            send()
            _persist(producer.commit_transaction)
            return
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise
            _persist(producer.abort_transaction)
            if attempt == ATTEMPTS:
                raise
        except BaseException:  # Ctrl-C, or a row that is wrong: the next call must find nothing open
            with suppress(KafkaException):
                producer.abort_transaction(10)
            raise


def _persist(step: Callable[[float], None]) -> None:
    """Do one step of a transaction; it is safe to ask again for what did not answer in time."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return step(5)
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise


@contextmanager
def _producer(ws: Kafka, sha: str, topic: str) -> Iterator[Producer]:
    """A producer that shares its transactional id with every other publisher of the same file to the same topic."""
    fatal: list[KafkaError] = []
    producer = Producer(
        {
            **ws.confluent(),
            "error_cb": lambda error: fatal.append(error) if error.fatal() else None,
            "transactional.id": full(f"publication-{hashlib.sha256(f'{sha}-{topic}'.encode()).hexdigest()[:32]}"),
            "transaction.timeout.ms": 60_000,
            "partitioner": "murmur2_random",  # kafka-python's: events of a card lie in one partition, whoever wrote them
            "compression.type": "gzip",  # the one that every client reads without another wheel
            "linger.ms": 20,
            "batch.size": 1 << 19,
            "queue.buffering.max.messages": 4 * CHUNK,
            "reconnect.backoff.max.ms": 200,
            "logger": LOG,
        }
    )
    try:
        yield producer
    except KafkaException as error:
        if error.args[0].code() == KafkaError._FATAL:
            producer.poll(0.1)  # "Fatal error" alone: the reason comes by the callback
            if fatal:
                raise KafkaException(fatal[0]) from None
        raise
    finally:
        with suppress(SystemError, KafkaException):  # what a fenced producer's queue holds cannot be closed properly
            producer.close()


def _prepare(ws: Kafka, topic: str) -> str:
    """Create what is missing; returns the topic's id, which no other topic of this name ever had or will have."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,230}", topic) or topic in (".", "..", NOTES) or topic.endswith(DEAD_LETTERS):
        raise WorkshopError(f"A log cannot be published to a topic named '{topic}'.", "A good name: corporate-cards.")
    letters = topics.Topic(topic + DEAD_LETTERS, configs=topics.FOR_EVER)
    notes = topics.Topic(NOTES, partitions=1, configs={"cleanup.policy": "compact"})
    topics.create(ws.kafka, [topics.Topic(topic, configs=LOG_TOPIC), letters, notes])
    with closing(ws.admin()) as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])["topic"][topic]
        configs = {name: config["value"] for name, config in found.items()}
        if configs.get("retention.ms") != "-1" or "compact" in configs.get("cleanup.policy", ""):
            raise WorkshopError(
                f"The topic '{topic}' forgets: old events would be deleted as soon as they are written.",
                "Take another name, which is created as it must be, or set its retention.ms=-1, cleanup.policy=delete.",
            )
        return str(admin.describe_topics([topic])[0]["topic_id"])


def _sentence(error: KafkaError, topic: str) -> WorkshopError:
    if error.code() in FENCED:
        return WorkshopError(
            "Another publisher of the same file took over, or this one stood still for longer than a minute.",
            "Let the other one finish; or run the same command again: it goes on where this one ended.",
        )
    return WorkshopError(
        f"Kafka did not take the rows for '{topic}': {error.str()}.",
        "`workshop status` shows what runs. The same command goes on where this one ended: no row is lost or doubled.",
    )
