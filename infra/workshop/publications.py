"""Publishes a file of payments once and whole, however often it is tried and wherever it is cut off.

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
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path

import numpy as np
from confluent_kafka import KafkaError, KafkaException, Producer
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from workshop import topics
from workshop.connection import Connection
from workshop.errors import WorkshopError
from workshop.fraud.log_files import Refused, fingerprint
from workshop.fraud.rows import CHUNK, Rows, read

LOG = logging.getLogger(__name__)  # the client's own lines: what matters is told as a sentence
LOG.addHandler(logging.NullHandler())
NOTES = "publications"
DEAD_LETTERS = "-dead-letters"
PATIENCE = 90.0  # seconds for one step; another publisher's open transaction lasts at most a minute
ATTEMPTS = 3
LONGEST_RAW = 10_000  # characters of a refused row that are kept
FENCED = (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED)
# Brokers refuse records more than an hour ahead of their clock; a log may hold payments that are dated ahead.
PAYMENTS = {**topics.FOR_EVER, "message.timestamp.after.max.ms": str(2**63 - 1)}


@dataclass(frozen=True)
class Publication:
    """What became of a file.

    Attributes:
        accepted: how many of its rows lie in the topic now, in all.
        refused: how many lie in the dead-letter topic, in all.
        seconds: how long this call took.
        already: how many rows, accepted or refused, earlier calls had published; all of them if it was complete.
    """

    accepted: int
    refused: int
    seconds: float
    already: int


@dataclass(frozen=True)
class _Note:
    """How far a publication is: rows done, and the topic it went to, which may have been deleted and made anew since."""

    topic_id: str
    chunk: int
    accepted: int = 0
    refused: int = 0
    complete: bool = False

    @property
    def rows(self) -> int:
        return self.accepted + self.refused


def publish_file(
    ws: Connection, path: Path, topic: str, progress: Callable[[float], None] | None = None
) -> Publication:
    """Publish every row of a log of payments: as PaymentMade, or PaymentRefunded where its amount is below 0.

    The key is the card, the record's time the payment's. Topics that are missing are created, to be kept for ever.
    Consumers that read with `isolation_level="read_committed"` see each row once.

    Args:
        path: CSV, CSV.gz or Parquet, with the columns that `workshop.fraud.rows` names.
        progress: is told the share of the file that is done, from 0 to 1.

    Raises:
        WorkshopError: the file, the topic or the brokers are not as they must be; what was published stays, and the
            same call goes on from there.
    """
    began = time.monotonic()
    path, tell = Path(path), progress or (lambda share: None)
    sha = fingerprint(path)
    fresh = _Note(_prepare(ws, topic), CHUNK)
    try:
        with _producer(ws, sha, topic) as producer:
            _persist(producer.init_transactions)  # from here on no other publisher of this file can write
            start = _resume(ws, topic, f"{sha}-{topic}", fresh)
            note = start if start.complete else _publish(producer, path, sha, topic, start, tell)
    except KafkaException as error:
        raise _sentence(error.args[0], topic) from None
    tell(1.0)
    return Publication(note.accepted, note.refused, time.monotonic() - began, start.rows)


def _publish(producer: Producer, path: Path, sha: str, topic: str, note: _Note, tell: Callable[[float], None]) -> _Note:
    """Publish what the note does not hold yet, a transaction a chunk; returns the last note, which says so."""
    skip = note.rows
    for rows in read(path, note.chunk):
        size = len(rows.cents) + len(rows.refused)
        if skip:  # chunks are cut as they were the first time
            skip -= size
        else:
            note = replace(note, accepted=note.accepted + len(rows.cents), refused=note.refused + len(rows.refused))
            _transaction(producer, partial(_send, producer, rows, path.name, sha, topic, note))
        tell(rows.share)
    note = replace(note, complete=True)
    _transaction(producer, partial(_send_note, producer, sha, topic, note))
    return note


def _send(producer: Producer, rows: Rows, name: str, sha: str, topic: str, note: _Note) -> None:
    for key, value, at, refund in zip(*_events(rows), strict=True):
        _produce(producer, topic, key, value, at, REFUNDED if refund else MADE)
    for row in rows.refused:
        key, value = _dead_letter(row, name, sha)
        _produce(producer, topic + DEAD_LETTERS, key, value, 0, REFUSED)
    _send_note(producer, sha, topic, note)


MADE, REFUNDED, REFUSED = (
    [("type", kind), ("version", b"1")] for kind in (b"PaymentMade", b"PaymentRefunded", b"PaymentRefused")
)


def _produce(producer: Producer, topic: str, key: bytes, value: bytes, at: int, headers: list) -> None:
    """Queue a record; `at` in milliseconds since 1970, 0 for now."""
    while True:
        try:
            return producer.produce(topic, value, key, timestamp=at, headers=headers)
        except BufferError:  # the queue is full: let some of it go
            producer.poll(0.05)


def _events(rows: Rows) -> tuple[list[bytes], list[bytes], list[int], list[bool]]:
    """Keys, values as `PaymentMade.value()` writes them, times in ms, and which are refunds."""
    refunds = (rows.cents < 0).tolist()
    terminals = ["null" if terminal is None else quoted(terminal) for terminal in rows.terminal]
    columns = (refunds, rows.customer, terminals, np.abs(rows.cents).tolist(), _iso(rows.at), rows.payment_id)
    values = [
        f'{{"type": "{"PaymentRefunded" if refund else "PaymentMade"}", "card": {quoted(card)}, "terminal": {terminal}, '
        f'"amount_cents": {cents}, "at": "{at}", "payment_id": {quoted(payment_id)}}}'.encode()
        for refund, card, terminal, cents, at, payment_id in zip(*columns, strict=True)
    ]
    return [card.encode() for card in rows.customer], values, rows.at.astype(np.int64).tolist(), refunds


def _iso(at: np.ndarray) -> list[str]:
    """As `datetime.isoformat` writes a time in UTC: with a fraction only where there is one."""
    whole = np.datetime_as_string(at, unit="s").tolist()
    fractions = (at.astype(np.int64) % 1000).tolist()
    return [f"{day}.{ms:03d}000+00:00" if ms else f"{day}+00:00" for day, ms in zip(whole, fractions, strict=True)]


def _dead_letter(row: Refused, name: str, sha: str) -> tuple[bytes, bytes]:
    told = {"file": name, "sha256": sha, **asdict(row), "raw": row.raw[:LONGEST_RAW]}
    return f"{sha[:12]}-{row.line}".encode(), json.dumps(told).encode()


def _send_note(producer: Producer, sha: str, topic: str, note: _Note) -> None:
    value = json.dumps({"topic": topic, "sha256": sha, **asdict(note)}).encode()
    producer.produce(NOTES, value, f"{sha}-{topic}".encode())


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
def _producer(ws: Connection, sha: str, topic: str) -> Iterator[Producer]:
    """A producer that shares its transactional id with every other publisher of the same file to the same topic."""
    producer = Producer(
        {
            "bootstrap.servers": ",".join(ws.kafka["bootstrap_servers"]),
            "transactional.id": f"publication-{hashlib.sha256(f'{sha}-{topic}'.encode()).hexdigest()[:32]}",
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
    finally:
        with suppress(SystemError, KafkaException):  # what a fenced producer's queue holds cannot be closed properly
            producer.close()


def _prepare(ws: Connection, topic: str) -> str:
    """Create what is missing; returns the topic's id, which no other topic of this name ever had or will have."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,230}", topic) or topic in (".", "..", NOTES) or topic.endswith(DEAD_LETTERS):
        raise WorkshopError(f"A log cannot be published to a topic named '{topic}'.", "A good name: corporate-cards.")
    letters = topics.Topic(topic + DEAD_LETTERS, configs=topics.FOR_EVER)
    notes = topics.Topic(NOTES, partitions=1, configs={"cleanup.policy": "compact"})
    topics.create(ws.kafka, [topics.Topic(topic, configs=PAYMENTS), letters, notes])
    with closing(ws.admin()) as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])["topic"][topic]
        configs = {name: config["value"] for name, config in found.items()}
        if configs.get("retention.ms") != "-1" or "compact" in configs.get("cleanup.policy", ""):
            raise WorkshopError(
                f"The topic '{topic}' forgets: old payments would be deleted as soon as they are written.",
                "Take another name, which is created as it must be, or set its retention.ms=-1, cleanup.policy=delete.",
            )
        return str(admin.describe_topics([topic])[0]["topic_id"])


def _resume(ws: Connection, topic: str, key: str, fresh: _Note) -> _Note:
    """The last note of this publication; `fresh` if there is none, or the topic is not the one it speaks of."""
    values = [value for found, value in _notes(ws) if found == key.encode()]
    if not values:
        return fresh
    known = json.loads(values[-1])
    note = _Note(**{name: known[name] for name in asdict(fresh)})
    return fresh if note.topic_id != fresh.topic_id or (note.accepted and _is_empty(ws, topic)) else note


def _notes(ws: Connection) -> list[tuple[bytes, bytes]]:
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


def _is_empty(ws: Connection, topic: str) -> bool:
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        return consumer.beginning_offsets(places) == consumer.end_offsets(places)


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
