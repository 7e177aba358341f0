"""Lesson 06, live: latency, a kill of Kafka Connect, log that a slot holds back."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition

from workshop.base.errors import WorkshopError
from workshop.base.waiting import wait_until
from workshop.domain import debezium
from workshop.domain.debezium import Change
from workshop.kafka import consume
from workshop.lessons.change_data_capture import outbox
from workshop.lessons.change_data_capture.bank import Bank
from workshop.lessons.change_data_capture.observations import Held, Killed, Latency
from workshop.lessons.change_data_capture.pictures import draw_held
from workshop.notebook.live import Live

FIRST = 1_000_00  # cents: the first amount of the monolith's `work`; each change has a different amount


class Arrivals(threading.Thread):
    """Thread that reads a table's changes as they arrive, from now on."""

    def __init__(self, bank: Bank, table: str) -> None:
        super().__init__(name="arrivals", daemon=True)
        self._seen: list[tuple[float, Change]] = []
        self._error: Exception | None = None
        self._leaving = threading.Event()
        self._consumer = KafkaConsumer(**bank.ws.kafka, enable_auto_commit=False)
        places = [TopicPartition(bank.topic(table), n) for n in consume.partitions_of(bank.ws, bank.topic(table))]
        self._consumer.assign(places)
        self._consumer.seek_to_end()
        for place in places:
            self._consumer.position(place)

    def run(self) -> None:
        """Read until `stop` is called, or until an error, which `seen` reports."""
        try:
            while not self._leaving.is_set():
                for records in self._consumer.poll(timeout_ms=50).values():
                    now = time.time()
                    self._seen += [(now, debezium.read(record.key, record.value)) for record in records]
        except Exception as error:  # the error of a thread would be lost, and the experiment would wait in vain
            self._error = error

    @property
    def seen(self) -> list[tuple[float, Change]]:
        """The changes so far, each with its arrival time (`time.time()`).

        Raises:
            WorkshopError: reading has ended with an error.
        """
        if self._error:
            said = f"{type(self._error).__name__}: {self._error}"
            raise WorkshopError(f"The changes could not be read to their end: {said}.", "Run this cell again.")
        return list(self._seen)

    def stop(self) -> None:
        """Stop reading."""
        self._leaving.set()
        self.join(30)
        self._consumer.close()


@contextmanager
def arrivals(bank: Bank, table: str) -> Iterator[Arrivals]:
    """Read a table's changes during the block."""
    reader = Arrivals(bank, table)
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


@contextmanager
def _working(bank: Bank, count: int, rate: float) -> Iterator[subprocess.Popen]:
    """Let the monolith work in the background; end it if the block fails."""
    work = bank.working("work", count, rate)
    try:
        yield work
        said = work.communicate(timeout=120)[1].decode().strip()
        if work.returncode:
            raise WorkshopError(said or "The monolith failed.", "Run the first cell again.")
    finally:
        if work.poll() is None:
            work.kill()
            work.communicate()


@contextmanager
def _at_work(bank: Bank) -> Iterator[None]:
    """Let the monolith make 100 changes per second during the block."""
    work = bank.working("work", 100_000, 100)
    try:
        yield
    finally:
        work.kill()
        work.communicate()


def latency(bank: Bank, count: int = 200, rate: float = 40) -> Latency:
    """Let the monolith change limits, and measure each change from its commit to a reader of the topic."""
    with arrivals(bank, "cards") as reader:
        with _working(bank, count, rate):
            pass
        wait_until(lambda: _wanted(count) <= _limits(reader), 60, "all changes to arrive", every=0.1)
    timed = [(c.committed_ms / 1000, when) for when, c in reader.seen if c.after and c.operation == "update"]
    began = min(committed for committed, _ in timed)
    return Latency([(committed - began, (when - committed) * 1000) for committed, when in timed])


def _wanted(count: int) -> set[int]:
    return set(range(FIRST, FIRST + count))


def _limits(reader: Arrivals) -> set[int]:
    return {change.after["limit_cents"] for _, change in reader.seen if change.after}


def kill_connect(bank: Bank, count: int = 240, rate: float = 40, kill_after: float = 2.5) -> Killed:
    """Kill Kafka Connect while the monolith changes limits, restart it, and wait for every change."""
    outbox.follow(bank)
    seen = Killed(count=count)
    with arrivals(bank, "cards") as reader:
        began = time.time()
        with _working(bank, count, rate):
            wait_until(lambda: len(reader.seen) > kill_after * rate, 60, "the first changes to arrive")
            seen.killed = time.time() - began
            bank.kill_connect()
            bank.start_connect()
            seen.answers = time.time() - began
        wait_until(lambda: _wanted(count) <= _limits(reader), 120, "every change to arrive", every=0.1)
        bank.settled("cards")
    for when, change in reader.seen:
        if change.after and change.operation == "update":
            number = change.after["limit_cents"] - FIRST
            seen.arrived.append((when - began, number))
            seen.committed[number] = change.committed_ms / 1000 - began
    return seen


def hold_the_log(bank: Bank, seconds: float = 5) -> Held:
    """Kill Connect, let the monolith work, restart Connect, and draw the size of the held log meanwhile."""
    outbox.follow(bank)
    seen, began = Held(), time.monotonic()
    live = Live(lambda: draw_held(seen))

    def look_on(until: float) -> None:
        while time.monotonic() - began < until:
            seen.points.append((time.monotonic() - began, _held(bank)))
            live.update()
            time.sleep(0.2)

    def let_go() -> bool:
        look_on(time.monotonic() - began + 0.4)
        return seen.points[-1][1] < max(held for _, held in seen.points) / 2

    with _at_work(bank):
        look_on(2)
        seen.marks["Connect killed"] = time.monotonic() - began
        bank.kill_connect()
        look_on(2 + seconds)
        bank.start_connect()
        seen.marks["Connect answers"] = time.monotonic() - began
        wait_until(let_go, 60, "the log to be let go", next_step="`workshop logs connect` says more.")
        look_on(time.monotonic() - began + 2)
    live.finish()
    return seen


def _held(bank: Bank) -> int:
    """Return the bytes that the slot holds back, after a checkpoint, at which PostgreSQL removes old log."""
    with bank.connect() as database:
        database.execute("checkpoint")
    return next(slot["bytes_held"] for slot in bank.slots() if slot["slot_name"] == bank.database)
