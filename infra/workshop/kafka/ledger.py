"""Steady flow of numbered events, the ledger of their acknowledgements, and its reconciliation."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from workshop.base import schedule
from workshop.kafka import consume
from workshop.kafka.handle import Kafka

PAUSE = 0.2  # seconds that the flow may oversleep before it counts as a pause of the machine


class Flow(threading.Thread):
    """Sends events numbered 0, 1, 2 … to a topic with a given producer until it is stopped.

    Attributes:
        acknowledged: event number to the time of its acknowledgement (`time.monotonic()`).
        failed: event number to the name of the producer's final error.
        pauses: start and end of each time in which this machine did not run the flow (`time.monotonic()`).
    """

    def __init__(self, producer: KafkaProducer, topic: str, rate: float) -> None:
        """Args: rate: events per second."""
        super().__init__(name="flow", daemon=True)
        self.acknowledged: dict[int, float] = {}
        self.failed: dict[int, str] = {}
        self.pauses: list[tuple[float, float]] = []
        self.began = time.monotonic()
        self.topic, self._rate = topic, rate
        self._end = threading.Event()
        self._last = math.inf  # the time of the last event (`time.monotonic()`)
        self._producer = producer
        producer.partitions_for(topic)  # now: a dead or frozen broker could not answer later

    def run(self) -> None:
        """Send events at the rate, and catch up after a pause of the machine."""
        self.began = time.monotonic()
        for number in schedule.on_time(schedule.steady(self._rate), self._wait):
            self._send(number)

    def end_after(self, seconds: float) -> None:
        """Send nothing that is due later than this number of seconds from now. `stop` still waits for the answers."""
        self._last = time.monotonic() + seconds

    def _wait(self, seconds: float) -> bool:
        """Wait, note a pause of the machine, and return whether the flow is to end."""
        due = time.monotonic() + seconds
        if due > self._last:
            return True
        ended = self._end.wait(seconds)
        if (now := time.monotonic()) - due > PAUSE:
            self.pauses.append((due, now))
        return ended

    def stop(self, patience: float = 30) -> None:
        """Stop sending, and wait until every event is acknowledged or has failed, or until the patience (s) ends."""
        self._end.set()
        self.join(patience)
        with contextlib.suppress(KafkaTimeoutError):  # what is still open then is neither acknowledged nor failed
            self._producer.flush(timeout=patience)

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
