"""The service `debits`: takes each payment off its account, once, whatever dies in between.

What it answers, the current balances and its place in `payments` are written in one Kafka transaction: all of it or nothing
is seen by those who read committed events. What it knows of an account it learns from its own answers, so it has no other
memory. Usage: python -m workshop.debits ADDRESSES PAYMENTS DEBITS BALANCES GROUP [MILLISECONDS OF WORK PER PAYMENT]
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from workshop import client_repairs
from workshop.payments import MalformedEvent, parse
from workshop.payments.accounts import Account, command_for, decide, evolve, fold
from workshop.payments.events import CardEvent
from workshop.reading import read_partitions

COMMITTED = {"isolation_level": "read_committed", "enable_auto_commit": False, "auto_offset_reset": "earliest"}
BATCH = 100  # payments in a transaction, at most
SESSION_MS = 6_000  # after which a dead instance's partitions go to others; the shortest that brokers allow by default


@dataclass(frozen=True)
class Topics:
    """What it reads and writes; `debits` has as many partitions as `payments`, so that a card has one number in both."""

    payments: str
    debits: str
    balances: str


@dataclass
class Debits(ConsumerRebalanceListener):
    """One instance of the service.

    Attributes:
        kafka: what a client needs to find the brokers.
        accounts: partition to card to account, for the partitions that it holds.
    """

    kafka: dict
    topics: Topics
    group: str
    work: float = 0.0  # seconds that a payment takes, to have time to be killed
    accounts: dict[int, dict[str, Account]] = field(default_factory=dict)

    def run(self, leaving: list) -> None:
        """Answer payments until `leaving` is not empty."""
        producer = KafkaProducer(**self.kafka, acks="all", transactional_id=self.group, transaction_timeout_ms=20_000)
        producer.init_transactions()  # what a dead predecessor left open is put away
        timing = {"session_timeout_ms": SESSION_MS, "heartbeat_interval_ms": 300}
        consumer = KafkaConsumer(**self.kafka, group_id=self.group, **timing, **COMMITTED)
        consumer.subscribe([self.topics.payments], listener=self)
        while not leaving:
            for place, records in consumer.poll(timeout_ms=100, max_records=BATCH).items():
                self._answer(consumer, producer, place, records)
        consumer.close(autocommit=False)
        producer.close(timeout=10)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Learn the accounts of the partitions that are ours now from the answers that were given."""
        for place in assigned:
            self.accounts[place.partition] = accounts_of(self.kafka, self.topics.debits, place.partition)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget what others will answer for."""
        for place in revoked:
            self.accounts.pop(place.partition, None)

    def _answer(self, consumer: KafkaConsumer, producer: KafkaProducer, place: TopicPartition, records: list) -> None:
        producer.begin_transaction()
        known = dict(self.accounts[place.partition])
        for record in records:
            time.sleep(self.work)
            for event in answers(known, record.value):
                self._send(producer, place.partition, event, known[event.card])
        position = {place: OffsetAndMetadata(records[-1].offset + 1, "", -1)}
        producer.send_offsets_to_transaction(position, consumer.group_metadata())
        producer.commit_transaction()
        self.accounts[place.partition] = known

    def _send(self, producer: KafkaProducer, partition: int, event: CardEvent, account: Account) -> None:
        about = {"key": event.key(), "timestamp_ms": event.timestamp_ms(), "partition": partition}
        producer.send(self.topics.debits, value=event.value(), headers=event.headers(), **about)
        balance = json.dumps({"card": event.card, "balance_cents": account.balance_cents}).encode()
        producer.send(self.topics.balances, value=balance, **about)


def answers(accounts: dict[str, Account], value: bytes | None) -> list[CardEvent]:
    """The events that a payment leads to; `accounts` is brought up to date. What is malformed has no answer."""
    with suppress(MalformedEvent):
        fact = parse(value)
        if command := command_for(fact):
            events = decide(accounts.get(fact.card, Account()), command)
            accounts[fact.card] = fold(events, accounts.get(fact.card))
            return events
    return []


def accounts_of(kafka: dict, debits: str, partition: int) -> dict[str, Account]:
    """The accounts of a partition, folded from the answers that lie in it."""
    accounts: dict[str, Account] = {}
    for record in read_partitions(kafka, debits, [partition], isolation_level="read_committed"):
        event = parse(record.value)
        accounts[event.card] = evolve(accounts.get(event.card, Account()), event)
    return accounts


def main() -> None:
    """Run until told to leave."""
    client_repairs.apply()
    addresses, payments, debits, balances, group, *work = sys.argv[1:]
    leaving: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: leaving.append(number))
    kafka = {"bootstrap_servers": addresses.split(","), "reconnect_backoff_max_ms": 200}
    seconds = float(work[0]) / 1000 if work else 0.0
    Debits(kafka, Topics(payments, debits, balances), group, seconds).run(leaving)


if __name__ == "__main__":
    main()
