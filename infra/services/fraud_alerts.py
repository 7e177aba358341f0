"""The service `fraud-alerts`: evaluates each payment against the past of its card and its terminal.

It reads `payments` and `fraud-reports` and writes `PaymentFlagged` to `fraud-alerts`. The past is kept in memory only: at
the start, and after its partitions change, the service reads the records before its committed offsets again and
evaluates them without writing. If it dies, or partitions move, between an alert and the commit, the alert can be written
twice; it carries the payment's id, so readers can remove duplicates.

Environment variables configure the service (`services.runtime.settings`): python -m services.fraud_alerts
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from workshop.domain.fraud.rules import Flag, judge
from workshop.domain.fraud.stream import FeatureStream, milliseconds
from workshop.domain.payments import PaymentMade, PaymentRefunded, parse
from workshop.domain.payments.events import UNUSABLE, CardEvent, FraudReported, PaymentFlagged
from workshop.kafka.consume import read_partitions

from services.runtime import reader
from services.runtime.records import IDLE_MS, JOINING_MS, UNHURRIED, behind, written_at
from services.runtime.retry import persevere
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

log = logging.getLogger(__name__)
WHOLE = {**UNHURRIED, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
SESSION_MS = 6_000
NOTED_EVERY = 2.0  # seconds between two commits, each of which is a write, and between two polls of the reports


Judged = PaymentMade | PaymentRefunded | FraudReported


@dataclass(frozen=True)
class Topics:
    """The topics of the service."""

    payments: str
    reports: str
    alerts: str


@dataclass
class Judge:
    """The rules, applied to one event at a time, in the order of arrival.

    A timestamp that is earlier than its predecessor's (by a moment, from another partition) is replaced by the latest
    one, because the features require ascending times.
    """

    stream: FeatureStream = field(default_factory=FeatureStream)
    now: int = 0

    def feed(self, event: Judged) -> list[Flag]:
        """Return the flags of a payment; for a report, store it and return no flags."""
        self.now = max(self.now, milliseconds(event.at))
        if isinstance(event, FraudReported):
            self.stream.report(event.payment_id, event.terminal, event.paid_at_ms, self.now)
            return []
        sign = -1 if isinstance(event, PaymentRefunded) else 1
        return judge(self.stream.payment(event.card, event.terminal, self.now, sign * event.amount_cents))


@dataclass
class FraudAlerts(ConsumerRebalanceListener):
    """One instance of the service; it holds the past of the cards in its assigned partitions.

    Attributes:
        tally: number of evaluated and of flagged payments, of unreadable records, and of restarts of the session.
        lag: partition to the number of payments that wait there.
        joined: whether the instance is a member of its group, even without partitions.
    """

    kafka: dict
    topics: Topics
    group: str
    judge: Judge = field(default_factory=Judge)
    tally: Counter = field(default_factory=Counter)
    lag: dict[int, int] = field(default_factory=dict)
    joined: bool = False
    moved: bool = False  # the assigned partitions changed, so the past must be read again
    unnoted: bool = False  # payments have been read since the last commit

    def run(self, leaving: list) -> None:
        """Evaluate payments until `leaving` is not empty."""
        persevere(lambda: self._serve(leaving), leaving, lambda: self.tally.update(["begun anew"]))

    def _serve(self, leaving: list) -> None:
        timing = {"session_timeout_ms": SESSION_MS, "heartbeat_interval_ms": 1_000, "metadata_max_age_ms": 10_000}
        with (
            closing(KafkaConsumer(**self.kafka, group_id=self.group, **WHOLE, **timing)) as consumer,
            # A separate consumer: in a common one, payments would wait for a fetch that waits for reports.
            closing(self._all_reports()) as reports,
            closing(KafkaProducer(**self.kafka, acks="all", max_block_ms=30_000)) as producer,
        ):
            consumer.subscribe([self.topics.payments], listener=self)
            try:
                self._judge_on(consumer, reports, producer, leaving)
            finally:
                self.joined = False
                with suppress(KafkaError):
                    producer.close(timeout=10)
                with suppress(KafkaError):
                    consumer.close(autocommit=False)

    def _judge_on(
        self, consumer: KafkaConsumer, reports: KafkaConsumer, producer: KafkaProducer, leaving: list
    ) -> None:
        written: list = []
        noted = time.monotonic()
        while not leaving:
            found = consumer.poll(timeout_ms=IDLE_MS if self.joined else JOINING_MS)
            self.unnoted = self.unnoted or bool(found)
            self.joined = consumer.group_metadata().generation_id > 0
            if found and self.moved:
                self._learn(consumer, reports)
            for place, records in found.items():
                written += self._answer(producer, records)
                self.lag[place.partition] = behind(consumer, place, records)
            if time.monotonic() > noted + NOTED_EVERY:
                self._hear(reports)
                noted = time.monotonic()
                if self.unnoted and all(future.is_done for future in written):  # without waiting: payments come first
                    self._note(consumer, written)
        self._note(consumer, written)

    def _note(self, consumer: KafkaConsumer, written: list) -> None:
        """Commit the offsets, after all alerts about earlier payments are written."""
        for future in written:
            future.get(timeout=60)
        written.clear()
        self.unnoted = False
        consumer.commit_async(callback=self._noted)

    def _noted(self, marks: dict, answer: object) -> None:
        """Handle the brokers' answer to a commit; a refused commit is retried."""
        self.unnoted = self.unnoted or isinstance(answer, Exception)

    def _all_reports(self) -> KafkaConsumer:
        """Return a consumer of all reports: the frauds of a terminal concern cards of all partitions."""
        consumer = KafkaConsumer(**self.kafka, **WHOLE)
        numbers = consumer.partitions_for_topic(self.topics.reports) or ()
        consumer.assign([TopicPartition(self.topics.reports, number) for number in numbers])
        consumer.seek_to_beginning()
        return consumer

    def _hear(self, reports: KafkaConsumer) -> None:
        for records in reports.poll(timeout_ms=0).values():
            for record in records:
                self._feed(record)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Mark the past as outdated.

        It is read with the first payment, because reading it here would delay heartbeats.
        """
        self.moved = True

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Clear the lag; the next assignment marks the past as outdated."""
        self.lag.clear()

    def _learn(self, consumer: KafkaConsumer, reports: KafkaConsumer) -> None:
        """Read the past of the assigned partitions up to the committed offsets, and rewind the reports."""
        self.judge, self.moved = Judge(), False
        for event in self._past(list(consumer.assignment())):
            with suppress(*UNUSABLE):
                self.judge.feed(event)
        reports.seek_to_beginning()

    def _past(self, places: list[TopicPartition]) -> list[Judged]:
        """Return the payments before the committed offsets, and all reports, in order of time."""
        with closing(KafkaConsumer(**self.kafka, group_id=self.group)) as consumer:
            marks = {place: consumer.committed(place) or 0 for place in places}
        records = read_partitions(self.kafka, self.topics.reports, None) if any(marks.values()) else []
        for place, mark in marks.items():
            read = read_partitions(self.kafka, place.topic, [place.partition]) if mark else []
            records += [record for record in read if record.offset < mark]
        events = [event for record in records if (event := readable(record.value))]
        return sorted(events, key=lambda event: milliseconds(event.at))

    def _answer(self, producer: KafkaProducer, records: list) -> list:
        """Evaluate records; return the futures of the alerts that were sent."""
        written = []
        for record in records:
            alert = self._feed(record)
            if alert:
                about = {"key": alert.key(), "timestamp_ms": written_at(alert), "headers": alert.headers()}
                written.append(producer.send(self.topics.alerts, value=alert.value(), **about))
        return written

    def _feed(self, record: ConsumerRecord) -> PaymentFlagged | None:
        """Return the alert about a record, or None; a record that cannot be evaluated is only logged."""
        event = readable(record.value)
        try:
            flags = self.judge.feed(event) if event else []
        except UNUSABLE as error:
            about = (record.topic, record.partition, record.offset, error)
            log.warning("%s, partition %d, offset %d cannot be evaluated: %s", *about)
            event, flags = None, []
        self.tally[type(event).__name__ if event else "malformed"] += 1
        self.tally["PaymentFlagged"] += bool(flags)
        return flagged(event, flags) if event and flags else None


def readable(value: bytes | None) -> Judged | None:
    """Return a payment, a refund or a report; None for others and for impossible values, such as times."""
    try:
        event = parse(value)
        _ = event.key(), milliseconds(event.at), event.timestamp_ms()
    except UNUSABLE:
        return None
    return event if isinstance(event, PaymentMade | PaymentRefunded | FraudReported) else None


def flagged(event: CardEvent, flags: list[Flag]) -> PaymentFlagged:
    """Return the alert about a payment."""
    about = (event.card, event.amount_cents, event.at, event.payment_id)
    return PaymentFlagged(*about, tuple(flag.rule for flag in flags), "\n".join(flag.because for flag in flags))


def wire(settings: Settings) -> FraudAlerts:
    """Return an instance."""
    sys.setswitchinterval(0.001)  # the client's threads pass records on; by default each switch can take 5 ms
    topics = Topics(settings.payments_topic, settings.reports_topic, settings.alerts_topic)
    return FraudAlerts(settings.kafka, topics, settings.group)


if __name__ == "__main__":
    reader.run("fraud-alerts", wire)
