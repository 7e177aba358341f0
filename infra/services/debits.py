"""The service `debits`: takes each payment off its account, once, whatever dies in between and however many instances run.

What it answers, the current balances and its place in `payments` are written in one Kafka transaction: all of it or nothing
is seen by those who read committed events. What it knows of an account it learns from its own answers, so it has no other
memory. A record that nobody can read is set aside in the same transaction, so that it stops none that come after it.
Its environment configures it (`services.runtime.settings`): python -m services.debits
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
BATCH, LONGEST = 100, 1.0  # a transaction holds so many payments, and seconds of work, at most
SESSION_MS = 6_000  # after which a dead instance's partitions go to others; the shortest that brokers allow by default
# A dead instance's open transaction keeps readers of committed events waiting until brokers put an end to it: soon after
# this. A living instance that is slower than this (its brokers were away) is refused, and begins anew.
TRANSACTION_MS = 10_000
WRITING = {"acks": "all", "transaction_timeout_ms": TRANSACTION_MS, "delivery_timeout_ms": TRANSACTION_MS}
PATIENCE = {"request_timeout_ms": 5_000, "max_block_ms": 30_000, "metadata_max_age_ms": 10_000}


@dataclass(frozen=True)
class Topics:
    """What it reads and writes; `debits` has as many partitions as `payments`, so that a card has one number in both.

    Attributes:
        dead_letters: where what nobody can read is set aside; empty: it is counted and logged only.
    """

    payments: str
    debits: str
    balances: str
    dead_letters: str = ""


@dataclass
class Debits(ConsumerRebalanceListener):
    """One instance of the service; partitions that it keeps while others come and go need not be learnt again.

    Attributes:
        kafka: what a client needs to find the brokers.
        instance: tells it from the group's others: two producers of one transactional id would lock each other out. The same
            after a restart, so that what it left open is put away at once. Empty: there is one only.
        accounts: partition to card to account, for the partitions that it holds and has learnt.
        tally: how many answers of each type it has given, how many payments it could not read, how often it began anew.
        lag: partition to the number of payments that wait there.
        joined: whether its group knows it, even if it holds nothing.
    """

    kafka: dict
    topics: Topics
    group: str
    work: float = 0.0  # seconds that a payment takes, to have time to be killed
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
            producer.init_transactions()  # what a predecessor of this name left open is put away
            consumer.subscribe([self.topics.payments], listener=self)
            while not leaving:
                found = consumer.poll(timeout_ms=IDLE_MS if self.joined else JOINING_MS, max_records=batch)
                # Taken here, not later: a member that is put out meanwhile would ask in nobody's name, and be let through.
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
                    consumer.close(autocommit=False)  # first: others go on while this one says good-bye to brokers
                self.on_partitions_revoked(
                    [TopicPartition(self.topics.payments, number) for number in [*self.accounts]]
                )
                with suppress(KafkaError):
                    producer.close(timeout=2)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Nothing: what is known of accounts is learnt with the first payment that comes."""

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget what others will answer for."""
        for place in revoked:
            self.accounts.pop(place.partition, None)
            self.lag.pop(place.partition, None)

    def _known(self, partition: int) -> dict[str, Account]:
        """The accounts of a partition, learnt once our place in it is known: what comes before that place is final then."""
        if partition not in self.accounts:
            self.accounts[partition] = accounts_of(self.kafka, self.topics.debits, partition)
        return self.accounts[partition]

    def _answer(
        self, producer: KafkaProducer, member: ConsumerGroupMetadata, place: TopicPartition, records: list
    ) -> None:
        if not member.member_id:
            raise CommitFailedError("The group has put this instance out.")
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
        # All of it lies in the log before the place is moved: whoever takes over waits for what lies there to be decided.
        producer.flush(timeout=2 * TRANSACTION_MS / 1000)  # without a time it would wait for ever for what never comes
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
        """Count and log what nobody can read: once, when it is decided, not at every attempt."""
        for record, reason in unusable:
            self.tally["malformed"] += 1
            self.tally["set aside"] += bool(self.topics.dead_letters)
            about = (record.topic, record.partition, record.offset, reason)
            log.warning("%s, partition %d, offset %d has no answer: %s", *about)

    def _send(self, producer: KafkaProducer, partition: int, event: CardEvent, account: Account) -> list:
        about = {"key": event.key(), "timestamp_ms": written_at(event), "partition": partition}
        balance = json.dumps({"card": event.card, "balance_cents": account.balance_cents}).encode()
        return [
            producer.send(self.topics.debits, value=event.value(), headers=event.headers(), **about),
            producer.send(self.topics.balances, value=balance, **about),
        ]


def answers(accounts: dict[str, Account], value: bytes | None) -> list[CardEvent]:
    """The events that a payment leads to; `accounts` is brought up to date.

    Raises:
        MalformedEvent, or another of `UNUSABLE`: it cannot be read or written; nothing has changed then.
    """
    fact = parse(value)
    command = command_for(fact)
    if not command:
        return []
    events = decide(accounts.get(fact.card, Account()), command)
    for event in events:
        _ = event.key(), event.value(), event.timestamp_ms()  # can it be written?
    accounts[fact.card] = fold(events, accounts.get(fact.card))
    return events


def accounts_of(kafka: dict, debits: str, partition: int) -> dict[str, Account]:
    """The accounts of a partition, folded from the answers that lie in it, once it is decided which of them count.

    A dead instance's transaction may still be open. What comes after it cannot be read yet, so this waits for its end.
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
    """One instance, told from its group's others by its pod's name."""
    written = (settings.debits_topic, settings.balances_topic, settings.dead_letters_topic)
    topics = Topics(settings.payments_topic, *written)
    return Debits(settings.kafka, topics, settings.group, settings.work_seconds, settings.pod)


if __name__ == "__main__":
    reader.run("debits", wire)
