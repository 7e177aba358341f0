"""The service `debits`: debits each payment exactly once, despite crashes.

Any number of instances can run. Answers, current balances and the committed offset in `payments` are written in one
Kafka transaction, so a reader of committed records gets all of them or none. Account balances are recomputed from the
service's own answers; there is no other store. A record that cannot be processed goes to the dead letters in the same
transaction and does not block later records.

Environment variables configure the service (`services.runtime.settings`): python -m services.debits
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import CommitFailedError, KafkaError
from kafka.structs import ConsumerGroupMetadata
from workshop.domain.payments import MalformedEvent, parse
from workshop.domain.payments.accounts import Account, command_for, decide, evolve, fold
from workshop.domain.payments.events import UNUSABLE, CardEvent
from workshop.kafka import dead_letters
from workshop.kafka.consume import read_partitions

from services.runtime import reader
from services.runtime.records import IDLE_MS, JOINING_MS, UNHURRIED, behind, written_at
from services.runtime.retry import persevere
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

log = logging.getLogger(__name__)
COMMITTED = {"isolation_level": "read_committed", "enable_auto_commit": False, "auto_offset_reset": "earliest"}
BATCH, LONGEST = 100, 1.0  # upper limits of a transaction: payments, and seconds of work
SESSION_MS = 6_000  # session timeout of a dead instance; the minimum that brokers allow by default
# Transaction timeout. The open transaction of a dead instance blocks readers of committed records until brokers abort it,
# shortly after this time. An instance that is slower (its brokers were unavailable) is fenced and restarts its session.
TRANSACTION_MS = 10_000
WRITING = {"acks": "all", "transaction_timeout_ms": TRANSACTION_MS, "delivery_timeout_ms": TRANSACTION_MS}
PATIENCE = {"request_timeout_ms": 5_000, "max_block_ms": 30_000, "metadata_max_age_ms": 10_000}


@dataclass(frozen=True)
class Topics:
    """The topics of the service.

    `debits` has as many partitions as `payments`, so a card has the same partition number in both.

    Attributes:
        dead_letters: topic for records that cannot be processed; empty: they are only counted and logged.
    """

    payments: str
    debits: str
    balances: str
    dead_letters: str = ""


@dataclass
class Debits(ConsumerRebalanceListener):
    """One instance of the service.

    A rebalance does not affect the accounts of partitions that stay assigned; they are not read again.

    Attributes:
        kafka: client settings, see `Settings.kafka`.
        instance: unique name within the group: two producers with one transactional id would fence each other. It stays
            the same after a restart, so that the predecessor's open transaction is aborted at once. Empty: there is one
            instance only.
        accounts: partition to card to account, for the assigned partitions whose answers have been read.
        tally: number of answers by type, of records that could not be processed, and of restarts of the session.
        lag: partition to the number of payments that wait there.
        joined: whether the instance is a member of its group, even without partitions.
    """

    kafka: dict
    topics: Topics
    group: str
    work: float = 0.0  # seconds per payment, so that a lesson can kill the service in between
    instance: str = ""
    accounts: dict[int, dict[str, Account]] = field(default_factory=dict)
    tally: Counter = field(default_factory=Counter)
    lag: dict[int, int] = field(default_factory=dict)
    joined: bool = False

    def run(self, leaving: list) -> None:
        """Answer payments until `leaving` is not empty."""
        persevere(lambda: self._serve(leaving), leaving, lambda: self.tally.update(["begun anew"]))

    def _serve(self, leaving: list) -> None:
        batch = min(BATCH, max(1, int(LONGEST / self.work))) if self.work else BATCH
        with self._clients() as (consumer, producer):
            producer.init_transactions()  # aborts the open transaction of a predecessor with this name
            consumer.subscribe([self.topics.payments], listener=self)
            while not leaving:
                found = consumer.poll(timeout_ms=IDLE_MS if self.joined else JOINING_MS, max_records=batch)
                # Read here, not later: the metadata of a member that is removed in the meantime carry no member id, and
                # brokers accept a commit without one.
                member = consumer.group_metadata()
                self.joined = member.generation_id > 0
                for place, records in found.items():
                    self._answer(producer, member, place, records)
                    self.lag[place.partition] = behind(consumer, place, records)

    @contextmanager
    def _clients(self) -> Iterator[tuple[KafkaConsumer, KafkaProducer]]:
        timing = {**UNHURRIED, "session_timeout_ms": SESSION_MS, "heartbeat_interval_ms": 1_000}
        sticky = {"partition_assignment_strategy": [CooperativeStickyAssignor]}
        name = f"{self.group}-{self.instance}" if self.instance else self.group
        with (
            closing(KafkaProducer(**self.kafka, **WRITING, **PATIENCE, transactional_id=name)) as producer,
            closing(KafkaConsumer(**self.kafka, group_id=self.group, **sticky, **timing, **COMMITTED)) as consumer,
        ):
            try:
                yield consumer, producer
            finally:
                self.joined = False
                with suppress(KafkaError):
                    consumer.close(autocommit=False)  # first, so that the other instances continue at once
                self.on_partitions_revoked(
                    [TopicPartition(self.topics.payments, number) for number in [*self.accounts]]
                )
                with suppress(KafkaError):
                    producer.close(timeout=2)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Do nothing: accounts are read when the first payment of a partition arrives."""

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Remove the state of partitions that other instances take over."""
        for place in revoked:
            self.accounts.pop(place.partition, None)
            self.lag.pop(place.partition, None)

    def _known(self, partition: int) -> dict[str, Account]:
        """Return the accounts of a partition.

        They are read after the committed offset is known, because all earlier answers are final by then.
        """
        if partition not in self.accounts:
            self.accounts[partition] = accounts_of(self.kafka, self.topics.debits, partition)
        return self.accounts[partition]

    def _answer(
        self, producer: KafkaProducer, member: ConsumerGroupMetadata, place: TopicPartition, records: list
    ) -> None:
        if not member.member_id:
            raise CommitFailedError("The group has removed this instance.")
        known, given = dict(self._known(place.partition)), Counter[str]()
        unusable: list[tuple[ConsumerRecord, str]] = []
        producer.begin_transaction()
        written = []
        for record in records:
            time.sleep(self.work)
            try:
                events = answers(known, record.value)
            except UNUSABLE as error:
                unusable.append((record, str(error)))
                continue
            given.update(type(event).__name__ for event in events)
            for event in events:
                written += self._send(producer, place.partition, event, known[event.card])
        written += [self._set_aside(producer, *one) for one in unusable if self.topics.dead_letters]
        # All records are in the log before the offset moves: an instance that takes over waits for the end of their
        # transaction.
        producer.flush(timeout=2 * TRANSACTION_MS / 1000)  # without a timeout it could block forever
        for future in written:
            future.get(timeout=10)
        position = {place: OffsetAndMetadata(records[-1].offset + 1, "", -1)}
        producer.send_offsets_to_transaction(position, member)
        producer.commit_transaction()
        self.accounts[place.partition] = known
        self.tally += given
        self._tell(unusable)

    def _set_aside(self, producer: KafkaProducer, record: ConsumerRecord, reason: str) -> object:
        return producer.send(self.topics.dead_letters, **dead_letters.letter(record, "debits", reason))

    def _tell(self, unusable: list[tuple[ConsumerRecord, str]]) -> None:
        """Count and log records that could not be processed: once, after the commit, not at every attempt."""
        for record, reason in unusable:
            self.tally["malformed"] += 1
            self.tally["set aside"] += bool(self.topics.dead_letters)
            about = (record.topic, record.partition, record.offset, reason)
            log.warning("%s, partition %d, offset %d cannot be processed: %s", *about)

    def _send(self, producer: KafkaProducer, partition: int, event: CardEvent, account: Account) -> list:
        about = {"key": event.key(), "timestamp_ms": written_at(event), "partition": partition}
        balance = json.dumps({"card": event.card, "balance_cents": account.balance_cents}).encode()
        return [
            producer.send(self.topics.debits, value=event.value(), headers=event.headers(), **about),
            producer.send(self.topics.balances, value=balance, **about),
        ]


def answers(accounts: dict[str, Account], value: bytes | None) -> list[CardEvent]:
    """Return the events that answer a payment, and update `accounts`.

    Raises:
        MalformedEvent, or another of `UNUSABLE`: the payment cannot be read or the answer cannot be written; `accounts` is
            unchanged then.
    """
    fact = parse(value)
    command = command_for(fact)
    if not command:
        return []
    events = decide(accounts.get(fact.card, Account()), command)
    for event in events:
        _ = event.key(), event.value(), event.timestamp_ms()  # raises an error if the event cannot be written
    accounts[fact.card] = fold(events, accounts.get(fact.card))
    return events


def accounts_of(kafka: dict, debits: str, partition: int) -> dict[str, Account]:
    """Return the accounts of a partition, folded from its committed answers.

    A dead instance's transaction may still be open. Records after it cannot be read yet, so the call waits for its end.
    """
    place = TopicPartition(debits, partition)
    with closing(KafkaConsumer(**kafka)) as anyone:
        until = {partition: anyone.end_offsets([place])[place]}
    accounts: dict[str, Account] = {}
    for record in read_partitions(kafka, debits, [partition], until=until, isolation_level="read_committed"):
        with suppress(MalformedEvent):
            event = parse(record.value)
            accounts[event.card] = evolve(accounts.get(event.card, Account()), event)
    return accounts


def wire(settings: Settings) -> Debits:
    """Return an instance that the pod's name distinguishes from the others of its group."""
    written = (settings.debits_topic, settings.balances_topic, settings.dead_letters_topic)
    topics = Topics(settings.payments_topic, *written)
    return Debits(settings.kafka, topics, settings.group, settings.work_seconds, settings.pod)


if __name__ == "__main__":
    reader.run("debits", wire)
