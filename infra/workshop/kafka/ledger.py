"""Steady flow of numbered events, the ledger of their acknowledgements, and its reconciliation."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from kafka import KafkaProducer

from workshop.kafka import consume
from workshop.kafka.handle import Kafka

# Short timeouts, one second per request and ten per event, so that failures show up quickly.
IMPATIENT = {"request_timeout_ms": 1_000, "delivery_timeout_ms": 10_000, "max_block_ms": 10_000}


class Flow(threading.Thread):
    """Sends events numbered 0, 1, 2 … to a topic until it is stopped.

    Attributes:
        acknowledged: event number to the time of its acknowledgement (`time.monotonic()`).
        failed: event number to the name of the producer's final error.
    """

    def __init__(self, ws: Kafka, topic: str, rate: float, **options: object) -> None:
        """Args: rate: events per second; options: for `KafkaProducer`."""
        super().__init__(name="flow", daemon=True)
        self.acknowledged: dict[int, float] = {}
        self.failed: dict[int, str] = {}
        self.began = time.monotonic()
        self.topic, self._rate = topic, rate
        self._end = threading.Event()
        self._producer = KafkaProducer(**ws.kafka, **{**IMPATIENT, **options})

    def run(self) -> None:
        """Send events at the rate, and catch up after a pause of the machine."""
        self._producer.partitions_for(self.topic)
        self.began = time.monotonic()
        number = 0
        while not self._end.is_set():
            due = int((time.monotonic() - self.began) * self._rate)
            while number < due and not self._end.is_set():
                self._send(number)
                number += 1
            time.sleep(0.002)

    def stop(self) -> None:
        """Stop sending, and wait until every event is acknowledged or has failed."""
        self._end.set()
        self.join(30)
        self._producer.close(timeout=60)

    def _send(self, number: int) -> None:
        try:
            future = self._producer.send(self.topic, key=b"%d" % number, value=b"%d" % number)
        except Exception as error:  # the ledger records every error of the producer
            self.failed[number] = type(error).__name__
            return
        future.add_callback(lambda _: self.acknowledged.setdefault(number, time.monotonic()))
        future.add_errback(lambda error: self.failed.setdefault(number, type(error).__name__))


@dataclass(frozen=True)
class Reconciled:
    """The comparison of the ledger with the log.

    Attributes:
        times: event number to its number of records in the log.
        acknowledged, failed: the numbers of the ledger's events.
    """

    times: Counter
    acknowledged: frozenset[int]
    failed: frozenset[int]

    @property
    def lost(self) -> set[int]:
        """The acknowledged events that are missing in the log."""
        return {number for number in self.acknowledged if not self.times[number]}

    @property
    def duplicated(self) -> set[int]:
        """The events that are in the log more than once."""
        return {number for number, count in self.times.items() if count > 1}


def reconcile(ws: Kafka, topic: str, acknowledged: Iterable[int], failed: Iterable[int] = ()) -> Reconciled:
    """Read the log and compare it with the ledger."""
    times = Counter(int(record.value) for record in consume.read_all(ws, topic))
    return Reconciled(times, frozenset(acknowledged), frozenset(failed))


def longest_gap(times: list[float]) -> tuple[float, float]:
    """Return the two consecutive acknowledgement times with the longest gap between them."""
    ordered = sorted(times)
    return max(pairwise(ordered), key=lambda pair: pair[1] - pair[0])
