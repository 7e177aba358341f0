"""Observers of a run: debits as they appear in the log, and values sampled at regular intervals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from workshop.base.errors import WorkshopError
from workshop.domain.payments import MalformedEvent, parse
from workshop.domain.payments.events import AccountDebited
from workshop.kafka.consume import read_partitions
from workshop.notebook.connection import Connection

COMMITTED: dict[str, Any] = {"isolation_level": "read_committed", "enable_auto_commit": False}


class Debited(threading.Thread):
    """Thread that reads the committed debits of a run's cards.

    Attributes:
        seen: time (seconds since 1970), payment id and cents, in the order of arrival.
        begins: partition to its end offset at the start, before this run's debits.
    """

    def __init__(self, ws: Connection, topic: str, run: str) -> None:
        """Args: run: the prefix of the run's cards."""
        super().__init__(name="debited", daemon=True)
        self.seen: list[tuple[float, str, int]] = []
        self._ws, self._topic, self._run = ws, topic, f"{run}-"
        with closing(KafkaConsumer(**ws.kafka)) as consumer:
            places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
            self.begins = {place.partition: end for place, end in consumer.end_offsets(places).items()}
        self._end = threading.Event()

    def run(self) -> None:
        """Read until it is stopped; wait for unavailable brokers."""
        offsets = dict(self.begins)
        while not self._end.is_set():
            with suppress(KafkaError, OSError), closing(KafkaConsumer(**self._ws.kafka, **COMMITTED)) as consumer:
                self._read(consumer, offsets)

    def stop(self) -> None:
        """Stop reading."""
        self._end.set()
        self.join(30)

    def again(self) -> list[tuple[str, int]]:
        """Read every debit of the run from the log again: the final result.

        Raises:
            WorkshopError: the log cannot be read.
        """
        records = read_partitions(self._ws.kafka, self._topic, list(self.begins), first=self.begins, **COMMITTED)
        return [found for record in records if (found := self._ours(record.value))]

    def _read(self, consumer: KafkaConsumer, offsets: dict[int, int]) -> None:
        consumer.assign([TopicPartition(self._topic, number) for number in offsets])
        for number, offset in offsets.items():
            consumer.seek(TopicPartition(self._topic, number), offset)
        while not self._end.is_set():
            for place, records in consumer.poll(timeout_ms=200).items():
                for record in records:
                    if found := self._ours(record.value):
                        self.seen.append((time.time(), *found))
                    offsets[place.partition] = record.offset + 1

    def _ours(self, value: bytes) -> tuple[str, int] | None:
        with suppress(MalformedEvent):
            event = parse(value)
            if isinstance(event, AccountDebited) and event.card.startswith(self._run):
                return event.payment_id, event.amount_cents
        return None


class Sampler(threading.Thread):
    """Thread that samples a value at regular intervals; failed requests are left out.

    Attributes:
        seen: time (seconds since 1970) and value.
    """

    def __init__(self, name: str, look: Callable[[], float], every: float = 0.5) -> None:
        """Args: every: seconds between two samples."""
        super().__init__(name=name, daemon=True)
        self.seen: list[tuple[float, float]] = []
        self._look, self._every = look, every
        self._end = threading.Event()

    def run(self) -> None:
        """Sample until it is stopped."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        while not self._end.is_set():
            with suppress(KafkaError, WorkshopError, ApiException, HTTPError, OSError):
                self.seen.append((time.time(), self._look()))
            self._end.wait(self._every)

    def stop(self) -> None:
        """Stop sampling."""
        self._end.set()
        self.join(40)
