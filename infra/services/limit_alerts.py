"""The service `limit-alerts`: reports payments beyond the limit of their card.

It reads the changes of the bank's table `cards` from the beginning and `payments` from its committed offset, and writes
`LimitExceeded`. It never sends a request to the bank. The limits are kept in memory only: at the start, the service
reads all changes again.

Environment variables configure the service (`services.runtime.settings`): python -m services.limit_alerts
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from workshop.domain import debezium
from workshop.domain.payments import PaymentMade
from workshop.domain.payments.events import UNUSABLE
from workshop.domain.payments.limits import Limits

from services.runtime import reader
from services.runtime.records import behind, written_at
from services.runtime.retry import persevere
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

log = logging.getLogger(__name__)


class LimitAlerts:
    """One instance of the service; it reads all partitions of both topics."""

    def __init__(self, kafka: dict, changes: str, payments: str, alerts: str, group: str) -> None:
        """Args: group: the consumer group of the payments."""
        self.kafka, self.changes, self.payments, self.alerts, self.group = kafka, changes, payments, alerts, group
        self.limits = Limits()
        self.tally: Counter = Counter()  # payments evaluated and flagged, unreadable records, restarts of the session
        self.lag: dict[int, int] = {}  # partition to the number of payments that wait there
        self.joined = False  # whether all limits have been read, and payments are consumed

    def run(self, leaving: list) -> None:
        """Evaluate payments until `leaving` is not empty."""
        persevere(lambda: self._serve(leaving), leaving, lambda: self.tally.update(["begun anew"]))

    def _serve(self, leaving: list) -> None:
        self.limits, self.joined = Limits(), False
        with (
            closing(KafkaConsumer(**self.kafka, enable_auto_commit=False)) as changes,
            closing(KafkaConsumer(**self.kafka, group_id=self.group, auto_offset_reset="earliest")) as payments,
            closing(KafkaProducer(**self.kafka, acks="all")) as producer,
        ):
            self._learn_the_past(changes)
            payments.subscribe([self.payments])
            self.joined = True
            while not leaving:
                for record in _new(changes, 0):
                    self._learn(record)
                for place, records in payments.poll(timeout_ms=50).items():
                    for record in records:
                        self._judge(record, producer)
                    self.lag[place.partition] = behind(payments, place, records)

    def _learn_the_past(self, changes: KafkaConsumer) -> None:
        """Read all limits up to now, before the first payment is evaluated."""
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
            log.warning("%s, offset %d is not a change of a card: %s", record.topic, record.offset, error)

    def _judge(self, record: ConsumerRecord, producer: KafkaProducer) -> None:
        try:
            alert = self.limits.judge(PaymentMade.parse(record.value))
        except UNUSABLE as error:
            self.tally["malformed"] += 1
            log.warning("%s, offset %d is not a payment: %s", record.topic, record.offset, error)
            return
        self.tally["PaymentMade"] += 1
        if alert:
            self.tally["LimitExceeded"] += 1
            about = {"key": alert.key(), "timestamp_ms": written_at(alert), "headers": alert.headers()}
            producer.send(self.alerts, value=alert.value(), **about).get(timeout=60)


def _new(consumer: KafkaConsumer, wait_ms: int) -> list:
    return [record for records in consumer.poll(timeout_ms=wait_ms).values() for record in records]


def wire(settings: Settings) -> LimitAlerts:
    """Return an instance."""
    topics = (settings.changes_topic, settings.payments_topic, settings.alerts_topic)
    return LimitAlerts(settings.kafka, *topics, settings.group)


if __name__ == "__main__":
    reader.run("limit-alerts", wire)
