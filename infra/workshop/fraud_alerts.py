"""The service `fraud-alerts`: judges each payment by its card's and its terminal's past, while it is being made.

It reads `payments` and `fraud-reports` and writes `PaymentFlagged` to `fraud-alerts`. What it knows of the past is memory
only: when it starts, it reads the past again, up to its bookmark, and judges without writing. An alert may be written twice
when it dies between alert and bookmark; it carries the payment's id, so whoever reads alerts can tell.
Usage: python -m workshop.fraud_alerts ADDRESSES PAYMENTS REPORTS ALERTS GROUP
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition

from workshop import client_repairs
from workshop.fraud.rules import Flag, judge
from workshop.fraud.stream import FeatureStream, milliseconds
from workshop.payments import MalformedEvent, PaymentMade, PaymentRefunded, parse
from workshop.payments.events import CardEvent, FraudReported, PaymentFlagged
from workshop.reading import read_partitions

SESSION_MS = 6_000
NOTED_EVERY = 2.0  # seconds between two bookmarks, each a write of its own, and between two looks at the reports


@dataclass(frozen=True)
class Topics:
    """What it reads and writes."""

    payments: str
    reports: str
    alerts: str


@dataclass
class Judge:
    """The rules, fed one event at a time, in the order in which events come.

    Times that come out of order (by a moment, from another partition) count as now: features need time to ascend.
    """

    stream: FeatureStream = field(default_factory=FeatureStream)
    now: int = 0

    def feed(self, event: CardEvent) -> list[Flag]:
        """What the rules say of a payment; a report is remembered and says nothing."""
        self.now = max(self.now, milliseconds(event.at))
        if isinstance(event, FraudReported):
            self.stream.report(event.payment_id, event.terminal, event.paid_at_ms, self.now)
            return []
        sign = -1 if isinstance(event, PaymentRefunded) else 1
        return judge(self.stream.payment(event.card, event.terminal, self.now, sign * event.amount_cents))


@dataclass
class FraudAlerts(ConsumerRebalanceListener):
    """One instance of the service; it knows the cards of the partitions that it holds."""

    kafka: dict
    topics: Topics
    group: str
    judge: Judge = field(default_factory=Judge)

    def run(self, leaving: list) -> None:
        """Judge payments until `leaving` is not empty."""
        timing = {"session_timeout_ms": SESSION_MS, "heartbeat_interval_ms": 300}
        whole = {"enable_auto_commit": False, "auto_offset_reset": "earliest"}
        consumer = KafkaConsumer(**self.kafka, group_id=self.group, **whole, **timing)
        producer = KafkaProducer(**self.kafka, acks="all")
        consumer.subscribe([self.topics.payments], listener=self)
        written: list = []
        # A consumer of its own: one that reads both topics lets payments wait for a fetch that waits for reports.
        with closing(self._all_reports(whole)) as reports:
            noted = time.monotonic()
            while not leaving:
                for records in consumer.poll(timeout_ms=100).values():
                    written += self._answer(producer, records)
                if time.monotonic() > noted + NOTED_EVERY:
                    self._hear(reports)
                    noted = time.monotonic()
                    if all(future.is_done for future in written):  # payments do not wait for it
                        _note(consumer, written)
        _note(consumer, written)
        producer.close(timeout=10)
        consumer.close(autocommit=False)

    def _all_reports(self, options: dict) -> KafkaConsumer:
        """Every instance hears every report: a terminal's frauds are of cards of all partitions."""
        consumer = KafkaConsumer(**self.kafka, **options)
        numbers = consumer.partitions_for_topic(self.topics.reports) or ()
        consumer.assign([TopicPartition(self.topics.reports, number) for number in numbers])
        consumer.seek_to_beginning()
        return consumer

    def _hear(self, reports: KafkaConsumer) -> None:
        for records in reports.poll(timeout_ms=0).values():
            for record in records:
                if event := readable(record.value):
                    self.judge.feed(event)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Learn the past of what is ours now: all that lies before the bookmarks."""
        self.judge = Judge()
        for event in self._past(list(assigned)):
            self.judge.feed(event)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing: what is assigned next is learnt anew."""

    def _past(self, places: list[TopicPartition]) -> list[CardEvent]:
        """The payments that were answered before, and all reports, in order of time."""
        with closing(KafkaConsumer(**self.kafka, group_id=self.group)) as consumer:
            marks = {place: consumer.committed(place) or 0 for place in places}
        records = read_partitions(self.kafka, self.topics.reports, None) if any(marks.values()) else []
        for place, mark in marks.items():
            read = read_partitions(self.kafka, place.topic, [place.partition]) if mark else []
            records += [record for record in read if record.offset < mark]
        events = [event for record in records if (event := readable(record.value))]
        return sorted(events, key=lambda event: event.at)

    def _answer(self, producer: KafkaProducer, records: list) -> list:
        """Judge records; returns the promises that what was flagged is written."""
        written = []
        for record in records:
            event = readable(record.value)
            flags = self.judge.feed(event) if event else []
            if flags:
                alert = flagged(event, flags)
                about = {"key": alert.key(), "timestamp_ms": alert.timestamp_ms(), "headers": alert.headers()}
                written.append(producer.send(self.topics.alerts, value=alert.value(), **about))
        return written


def _note(consumer: KafkaConsumer, written: list) -> None:
    """Move the bookmark, once everything that was flagged before it is written."""
    for future in written:
        future.get(timeout=60)
    written.clear()
    consumer.commit_async()


def readable(value: bytes | None) -> CardEvent | None:
    """A payment, a refund or a report; None for anything else."""
    try:
        event = parse(value)
    except MalformedEvent:
        return None
    return event if isinstance(event, PaymentMade | PaymentRefunded | FraudReported) else None


def flagged(event: CardEvent, flags: list[Flag]) -> PaymentFlagged:
    """The alert about a payment."""
    about = (event.card, event.amount_cents, event.at, event.payment_id)
    return PaymentFlagged(*about, tuple(flag.rule for flag in flags), "\n".join(flag.because for flag in flags))


def main() -> None:
    """Run until told to leave."""
    client_repairs.apply()
    addresses, payments, reports, alerts, group = sys.argv[1:]
    sys.setswitchinterval(0.001)  # the client's threads hand events over; by default each may have to wait for 5 ms
    leaving: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: leaving.append(number))
    kafka = {"bootstrap_servers": addresses.split(","), "reconnect_backoff_max_ms": 200}
    FraudAlerts(kafka, Topics(payments, reports, alerts), group).run(leaving)


if __name__ == "__main__":
    main()
