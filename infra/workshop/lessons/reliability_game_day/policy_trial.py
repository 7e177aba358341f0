"""The experiment of exercise 2: a policy for records that fail, on a topic with poison, while brokers freeze for a moment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from workshop.domain.payments import PaymentMade
from workshop.domain.payments.events import AccountDebited
from workshop.kafka import consume, dead_letters
from workshop.kafka.replicas import leader_of
from workshop.lessons.reliability_game_day import poison
from workshop.notebook.connection import Connection

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

RECORDS = 60
POISON = (7, 19, 31, 38, 44)  # offsets, one for each kind
AWAY_AT_A_DEBIT, AWAY_AT_A_LETTER = 25, 38  # offsets of a good record and of a poison message
ENOUGH, LONG_ENOUGH = 20, 30.0  # failed attempts at one record, and seconds, after which it counts as stuck
# A client that does not wait for a broker which is away.
IMPATIENT = {"request_timeout_ms": 400, "delivery_timeout_ms": 500, "max_block_ms": 1_000, "linger_ms": 0}

Take = Callable[..., object]


class Stuck(BaseException):
    """The policy asks for the same record again and again; no `except Exception` catches this."""


@dataclass
class Trial:
    """What a policy did.

    Attributes:
        at: the offset at which the reader stopped: `RECORDS` is the end.
        expected: offset to payment id, for the readable records.
        kinds: offset to the kind of poison.
        debited: number of debits by payment id, as found in the log.
        aside: the dead letters, as found in the log.
        error: the last error that the policy raised, as text.
        away: the error of the broker that was away, by offset.
    """

    at: int = 0
    expected: dict[int, str] = field(default_factory=dict)
    kinds: dict[int, str] = field(default_factory=dict)
    debited: Counter = field(default_factory=Counter)
    aside: list[dead_letters.DeadLetter] = field(default_factory=list)
    error: str = ""
    away: dict[int, str] = field(default_factory=dict)


@dataclass
class Bank:
    """The functions that a policy receives; each of them meets a frozen broker once.

    Attributes:
        calls: number of calls by offset.
        since: the offset of the latest call, and the time at which its first call was.
    """

    ws: Connection
    producer: KafkaProducer
    debits: str
    letters: str
    probe: str
    trial: Trial
    calls: Counter = field(default_factory=Counter)
    since: tuple[int, float] = (-1, 0.0)

    def debit(self, record: ConsumerRecord) -> None:
        """Debit the payment in a record.

        Raises:
            MalformedEvent: the record cannot be read.
            KafkaError: the broker does not answer; nothing was written.
        """
        self._count(record)
        payment = PaymentMade.parse(record.value)
        if record.offset == AWAY_AT_A_DEBIT:
            self._meet_a_frozen_broker(record.offset)
        event = AccountDebited(payment.card, payment.amount_cents, payment.at, payment.payment_id)
        self.producer.send(self.debits, key=event.key(), value=event.value()).get(timeout=30)

    def set_aside(self, record: ConsumerRecord, reason: object) -> None:
        """Write a dead letter.

        Raises:
            KafkaError: the broker does not answer; nothing was written.
        """
        self._count(record)
        if record.offset == AWAY_AT_A_LETTER:
            self._meet_a_frozen_broker(-record.offset)
        self.producer.send(self.letters, **dead_letters.letter(record, "yours", str(reason))).get(timeout=30)

    def _count(self, record: ConsumerRecord) -> None:
        if self.since[0] != record.offset:
            self.since = (record.offset, time.monotonic())
        self.calls[record.offset] += 1
        if self.calls[record.offset] > 3 * ENOUGH or time.monotonic() > self.since[1] + LONG_ENOUGH:
            raise Stuck

    def _meet_a_frozen_broker(self, name: int) -> None:
        """Write to a broker that is frozen for a second, the first time; the error is the client's own.

        The write goes to a topic of its own: a frozen broker may process it later, and a debit would then be there twice.
        """
        if name in self.trial.away:
            return
        self.trial.away[name] = ""
        try:
            self._write_while_frozen()
        except Exception as error:
            self.trial.away[name] = type(error).__name__
            raise

    def _write_while_frozen(self) -> None:
        if not self.ws.brokers.ours:
            raise KafkaTimeoutError("The broker does not answer.")  # nothing is broken in an existing Kafka
        node = leader_of(self.ws, self.probe)
        self.ws.brokers.pause(node)
        try:
            impatient = KafkaProducer(**{**self.ws.kafka, "bootstrap_servers": self.ws.addresses()}, **IMPATIENT)
            try:
                impatient.send(self.probe, value=b"is the broker there?").get(timeout=3)
            finally:
                impatient.close(timeout=0)  # by default it waits for the frozen broker
        finally:
            self.ws.brokers.resume(node)


def try_out(ws: Connection, take: Take) -> Trial:
    """Let a reader handle a topic with a policy, and return what happened.

    The reader commits its offset when `take` returns, and reads the record again when `take` raises an error.
    """
    topic, debits, letters = (ws.fresh_topic(name, partitions=1) for name in ("yours", "yours-debits", "yours-letters"))
    probe = ws.fresh_topic("yours-probe", partitions=1, copies=1, min_insync_replicas="1")
    trial = Trial()
    with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
        _fill(producer, topic, trial)
        bank = Bank(ws, producer, debits, letters, probe, trial)
        trial.at = _read(ws, topic, lambda record: take(record, bank.debit, bank.set_aside), trial)
    events = [AccountDebited.parse(record.value) for record in consume.read_all(ws, debits)]
    trial.debited = Counter(event.payment_id for event in events)
    trial.aside = dead_letters.read(ws.kafka, letters)
    return trial


def _fill(producer: KafkaProducer, topic: str, trial: Trial) -> None:
    values: dict[int, bytes] = {}
    for offset, (kind, value) in zip(POISON, poison.kinds(0).items(), strict=True):
        values[offset], trial.kinds[offset] = value, kind
    for offset in range(RECORDS):
        value = values.get(offset) or poison.readable(offset)
        if offset not in values:
            trial.expected[offset] = PaymentMade.parse(value).payment_id
        producer.send(topic, key=f"card-{offset:04d}".encode(), value=value, partition=0)
    producer.flush()


def _read(ws: Connection, topic: str, handle: Callable[[ConsumerRecord], object], trial: Trial) -> int:
    """Read the topic until its end or until a record has failed often enough; return the next offset."""
    place, failed = TopicPartition(topic, 0), Counter[int]()
    options: Mapping = {"group_id": ws.fresh_name("yours"), "enable_auto_commit": False}
    with closing(KafkaConsumer(**ws.kafka, **options)) as consumer:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        while consumer.position(place) < RECORDS:
            for record in consumer.poll(timeout_ms=500).get(place, []):
                try:
                    handle(record)
                except Stuck:
                    return record.offset
                except Exception as error:
                    trial.error = f"{type(error).__name__}: {error}"
                    failed[record.offset] += 1
                    if failed[record.offset] >= ENOUGH:
                        return record.offset
                    consumer.seek(place, record.offset)
                    break
                with suppress(KafkaError):  # the coordinator was frozen; the next commit includes this offset
                    consumer.commit({place: OffsetAndMetadata(record.offset + 1, "", -1)})
        return consumer.position(place)
