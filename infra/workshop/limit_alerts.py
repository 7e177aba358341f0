"""The service `limit-alerts`: tells of payments beyond their card's limit. The limits are the bank's; it never asks the bank.

It reads the changes of the bank's table `cards` from their beginning, and `payments` from its bookmark on, and writes
`LimitExceeded`. What it knows is memory only: when it starts, it reads the changes again.
Usage: python -m workshop.limit_alerts ADDRESSES CHANGES PAYMENTS ALERTS GROUP
"""

from __future__ import annotations

import logging
import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from workshop import client_repairs
from workshop.cdc import debezium
from workshop.cdc.limits import Limits
from workshop.kafka_access import of_this_stack
from workshop.payments import PaymentMade
from workshop.payments.events import UNUSABLE
from workshop.persevering import persevere
from workshop.records import written_at

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

log = logging.getLogger(__name__)


class LimitAlerts:
    """One instance of the service; it reads all partitions of both topics."""

    def __init__(self, kafka: dict, changes: str, payments: str, alerts: str, group: str) -> None:
        """Args: group: under this name its bookmark in the payments is kept."""
        self.kafka, self.changes, self.payments, self.alerts, self.group = kafka, changes, payments, alerts, group
        self.limits = Limits()

    def run(self, leaving: list) -> None:
        """Judge payments until `leaving` is not empty."""
        persevere(lambda: self._serve(leaving), leaving, lambda: None)

    def _serve(self, leaving: list) -> None:
        self.limits = Limits()
        with (
            closing(KafkaConsumer(**self.kafka, enable_auto_commit=False)) as changes,
            closing(KafkaConsumer(**self.kafka, group_id=self.group, auto_offset_reset="earliest")) as payments,
            closing(KafkaProducer(**self.kafka, acks="all")) as producer,
        ):
            self._learn_the_past(changes)
            payments.subscribe([self.payments])
            while not leaving:
                for record in _new(changes, 0):
                    self._learn(record)
                for record in _new(payments, 50):
                    self._judge(record, producer)

    def _learn_the_past(self, changes: KafkaConsumer) -> None:
        """All limits as of now: before the first payment is judged."""
        places = [TopicPartition(self.changes, number) for number in changes.partitions_for_topic(self.changes) or ()]
        changes.assign(places)
        ends = changes.end_offsets(places)
        changes.seek_to_beginning()
        while any(changes.position(place) < ends[place] for place in places):
            for record in _new(changes, 200):
                self._learn(record)

    def _learn(self, record: ConsumerRecord) -> None:
        try:
            self.limits.learn(debezium.read(record.key, record.value))
        except UNUSABLE as error:
            log.warning("%s, offset %d is no change of a card: %s", record.topic, record.offset, error)

    def _judge(self, record: ConsumerRecord, producer: KafkaProducer) -> None:
        try:
            alert = self.limits.judge(PaymentMade.parse(record.value))
        except UNUSABLE as error:
            log.warning("%s, offset %d is no payment: %s", record.topic, record.offset, error)
            return
        if alert:
            about = {"key": alert.key(), "timestamp_ms": written_at(alert), "headers": alert.headers()}
            producer.send(self.alerts, value=alert.value(), **about).get(timeout=60)


def _new(consumer: KafkaConsumer, wait_ms: int) -> list:
    return [record for records in consumer.poll(timeout_ms=wait_ms).values() for record in records]


def main() -> None:
    """Run until told to leave."""
    client_repairs.apply()
    addresses, *topics_and_group = sys.argv[1:]
    leaving: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: leaving.append(number))
    kafka = of_this_stack(addresses)
    LimitAlerts(kafka, *topics_and_group).run(leaving)


if __name__ == "__main__":
    main()
