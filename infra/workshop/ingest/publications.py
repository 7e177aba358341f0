"""Publishing of a file's rows exactly once, also after interruptions and repeated calls.

A publication is identified by a file's SHA-256 and a topic. Each transaction contains a chunk of rows, its refused rows
(topic `<topic>-dead-letters`) and a note of the progress (topic `publications`), so that a resumed publication continues
exactly there. The producer is confluent-kafka's: with acks=all it writes 162,000 events of 100 bytes per second,
kafka-python 43,000.
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

LOG = logging.getLogger(__name__)  # the client's log lines; errors that matter are raised with a message
LOG.addHandler(logging.NullHandler())
CHUNK = 30_000  # rows of one transaction
PATIENCE = 90.0  # seconds for one step; another publisher's open transaction lasts at most a minute
ATTEMPTS = 3
LONGEST_RAW = 10_000  # characters of a refused row that are kept
FENCED = (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED)
# Brokers refuse records with timestamps more than an hour in the future; a log may contain such events.
LOG_TOPIC = {**topics.FOR_EVER, "message.timestamp.after.max.ms": str(2**63 - 1)}


@dataclass(frozen=True)
class Publication:
    """The result of publishing a file.

    Attributes:
        accepted: the number of its rows in the topic, from all calls.
        refused: the number of its rows in the dead-letter topic, from all calls.
        seconds: the duration of this call.
        already: the number of rows, accepted or refused, that earlier calls had published.
        notes: messages for the user about the way in which the file was read.
    """

    accepted: int
    refused: int
    seconds: float
    already: int
    notes: tuple[str, ...] = ()


def publish_file(
    ws: Kafka, path: Path, topic: str, progress: Callable[[float], None] | None = None, kind: Kind | None = None
) -> Publication:
    """Publish every row of a log as an event, with its key and its event time.

    Missing topics are created, with unlimited retention. Consumers with `isolation_level="read_committed"` read each row
    once.

    Args:
        path: a file with the columns that the kind needs; see `workshop.ingest`.
        progress: called with the share of the file that is done, from 0 to 1.
        kind: the conversion of rows to records; payments by default.

    Raises:
        WorkshopError: the file or the topic is not suitable, or the brokers do not answer; published rows stay, and the same
            call resumes after them.
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
    """A file, its topic, and the conversion of its rows."""

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
    """Publish the rows after the note, one transaction per chunk; return the final note."""
    skip = note.rows
    for part in source.kind.parts(source.prepared, note.chunk):
        if skip:  # the chunks are the same as the first time
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
        except BufferError:  # the queue is full: wait until some records are sent
            producer.poll(0.05)


def _dead_letter(row: Refused, source: _Source) -> tuple[bytes, bytes]:
    told = {"file": source.path.name, "sha256": source.sha, **asdict(row), "raw": row.raw[:LONGEST_RAW]}
    return f"{source.sha[:12]}-{row.line}".encode(), json.dumps(told).encode()


def _send_note(producer: Producer, source: _Source, note: Note) -> None:
    value = json.dumps({"topic": source.topic, "sha256": source.sha, **asdict(note)}).encode()
    producer.produce(full(NOTES), value, source.key)


def _transaction(producer: Producer, send: Callable[[], None]) -> None:
    """Send the records of `send` in one transaction; retry if the error requires an abort."""
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
        except BaseException:  # Ctrl-C, or a bad row: the next call must not find an open transaction
            with suppress(KafkaException):
                producer.abort_transaction(10)
            raise


def _persist(step: Callable[[float], None]) -> None:
    """Do one step of a transaction; a step that was not answered in time is safe to repeat."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return step(5)
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise


@contextmanager
def _producer(ws: Kafka, sha: str, topic: str) -> Iterator[Producer]:
    """Yield a producer whose transactional id is that of all publications of this file to this topic."""
    fatal: list[KafkaError] = []
    producer = Producer(
        {
            **ws.confluent(),
            "error_cb": lambda error: fatal.append(error) if error.fatal() else None,
            "transactional.id": full(f"publication-{hashlib.sha256(f'{sha}-{topic}'.encode()).hexdigest()[:32]}"),
            "transaction.timeout.ms": 60_000,
            "partitioner": "murmur2_random",  # as kafka-python: events of a card are in one partition, from any client
            "compression.type": "gzip",  # every client can read it without another wheel
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
        with suppress(SystemError, KafkaException):  # a fenced producer with queued records fails to close
            producer.close()


def _prepare(ws: Kafka, topic: str) -> str:
    """Create missing topics; return the id of the topic, which a later topic of this name does not have."""
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
                f"The topic '{topic}' does not keep all records: old events would be deleted as soon as they are written.",
                "Choose a new topic, which gets the right settings, or set its retention.ms=-1, cleanup.policy=delete.",
            )
        return str(admin.describe_topics([topic])[0]["topic_id"])


def _sentence(error: KafkaError, topic: str) -> WorkshopError:
    if error.code() in FENCED:
        return WorkshopError(
            "Another publisher of the same file took over, or this one was idle for more than a minute.",
            "Wait for the other one, or run the same command again: it resumes where this one ended.",
        )
    return WorkshopError(
        f"Kafka did not accept the rows for '{topic}': {error.str()}.",
        "`workshop status` shows what runs. The same command resumes where this one ended: no row is lost or duplicated.",
    )
