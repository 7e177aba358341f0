"""Lesson 06, what is watched while it happens: latency, a service that joins, Connect that dies, the log that is held."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from workshop import reading
from workshop.cdc import debezium, outbox
from workshop.cdc.bank import Bank
from workshop.cdc.debezium import Change
from workshop.cdc.limits import LimitExceeded
from workshop.errors import WorkshopError
from workshop.lessons.change_data_capture_pictures import draw_alerts, draw_held
from workshop.lessons.services import GROUP, Service
from workshop.live import Live
from workshop.payments import PaymentMade
from workshop.waiting import wait_until

FIRST = 1_000_00  # cents: what the monolith's `work` begins with; each change has an amount of its own
PAID = 300_00
EVERY = 0.1  # seconds between two payments


class Arrivals(threading.Thread):
    """Reads a table's changes as they come.

    Attributes:
        seen: the changes from now on, each with the time (`time.time()`) at which it came.
    """

    def __init__(self, bank: Bank, table: str) -> None:
        super().__init__(name="arrivals", daemon=True)
        self.seen: list[tuple[float, Change]] = []
        self._leaving = threading.Event()
        self._consumer = KafkaConsumer(**bank.ws.kafka, enable_auto_commit=False)
        places = [TopicPartition(bank.topic(table), n) for n in reading.partitions_of(bank.ws, bank.topic(table))]
        self._consumer.assign(places)
        self._consumer.seek_to_end()
        for place in places:
            self._consumer.position(place)

    def run(self) -> None:
        """Read until told to stop."""
        while not self._leaving.is_set():
            for records in self._consumer.poll(timeout_ms=50).values():
                now = time.time()
                self.seen += [(now, debezium.read(record.key, record.value)) for record in records]

    def stop(self) -> None:
        """Stop reading."""
        self._leaving.set()
        self.join(30)
        self._consumer.close()


@contextmanager
def arrivals(bank: Bank, table: str) -> Iterator[Arrivals]:
    """Read a table's changes while something happens."""
    reader = Arrivals(bank, table)
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


@contextmanager
def _working(bank: Bank, count: int, rate: float) -> Iterator[subprocess.Popen]:
    """Let the monolith work beside; if what happens meanwhile fails, end it."""
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
    """Let the monolith work, a hundred changes a second, until what happens meanwhile is over."""
    work = bank.working("work", 100_000, 100)
    try:
        yield
    finally:
        work.kill()
        work.communicate()


@dataclass
class Latency:
    """Changes and how long each took from the database's commit to a reader; seconds since the first, milliseconds."""

    points: list[tuple[float, float]]

    def percentile(self, percent: float) -> float:
        """The latency, in milliseconds, that so many percent stayed below."""
        values = sorted(ms for _, ms in self.points)
        return values[min(len(values) - 1, int(len(values) * percent / 100))]


def latency(bank: Bank, count: int = 200, rate: float = 40) -> Latency:
    """Let the monolith change limits, and time each change from its commit in the database to a reader of the topic."""
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
    return {change.after["limit_cents"] for _, change in list(reader.seen) if change.after}


@dataclass
class Joined:
    """What was seen of a service that joined. Times are seconds since the first payment, money is cents.

    Attributes:
        limits: when the database committed a limit, and the limit; None when the card was gone.
        payments: payment to when it was made.
        alerted: the payments that an alert tells of.
    """

    limits: list[tuple[float, int | None]] = field(default_factory=list)
    payments: dict[str, float] = field(default_factory=dict)
    alerted: set[str] = field(default_factory=set)
    card: str = ""


def limit_alerts(bank: Bank) -> Joined:
    """Start the service `limit-alerts`, pay with one card all the time, and let the monolith change that card's limit."""
    outbox.follow(bank)
    [card] = bank.open_cards(1)
    bank.settled("cards")
    payments, alerts = bank.ws.fresh_topic("payments", partitions=1), bank.ws.fresh_topic("limit-alerts", partitions=1)
    service = Service(bank.ws, "workshop.limit_alerts", (bank.topic("cards"), payments, alerts, GROUP))
    seen = Joined(card=card)
    service.start()
    try:
        _greet(bank, payments, alerts)
        with closing(KafkaProducer(**bank.ws.kafka, acks="all")) as producer, arrivals(bank, "cards") as reader:
            live = Live(lambda: draw_alerts(seen))
            began = time.time()
            _pay_and_change(bank, seen, began, producer, payments, reader, live)

            def gone_is_told() -> bool:
                _pay_once(seen, producer, payments, began)
                return _is_told(bank, seen, alerts)

            wait_until(gone_is_told, 60, "limit-alerts to tell that the card is gone", every=EVERY)
            live.finish()
    finally:
        service.stop()
    return seen


def _greet(bank: Bank, payments: str, alerts: str) -> None:
    """Wait until it answers: a payment with a card that nobody has leads to an alert."""
    with closing(KafkaProducer(**bank.ws.kafka, acks="all")) as producer:
        _pay(producer, payments, "card-of-nobody")
    wait_until(lambda: reading.read_all(bank.ws, alerts), 60, "limit-alerts to answer", every=0.1)


def _pay(producer: KafkaProducer, topic: str, card: str) -> PaymentMade:
    payment = PaymentMade(card, "terminal-00042", PAID, datetime.now(UTC))
    producer.send(topic, key=payment.key(), value=payment.value()).get(timeout=60)
    return payment


def _pay_and_change(
    bank: Bank, seen: Joined, began: float, producer: KafkaProducer, topic: str, reader: Arrivals, live: Live
) -> None:
    todo = [(1.5, ("limit", seen.card, 200_00)), (3.5, ("limit", seen.card, 400_00))]
    todo.append((5.5, ("close", int(seen.card.removeprefix("card-")))))
    seen.limits.append((0.0, 500_00))
    doing: list[subprocess.Popen] = []
    while (now := time.time() - began) < 7.5:
        if todo and now > todo[0][0]:
            doing.append(bank.working(*todo.pop(0)[1]))
        _pay_once(seen, producer, topic, began)
        seen.limits[1:] = _committed(reader, began)
        live.update()
        time.sleep(EVERY)
    for program in doing:
        program.communicate(timeout=30)
    wait_until(lambda: len(_committed(reader, began)) >= 3, 30, "the changes to arrive", every=0.1)
    seen.limits[1:] = _committed(reader, began)


def _committed(reader: Arrivals, began: float) -> list[tuple[float, int | None]]:
    return [
        (change.committed_ms / 1000 - began, change.after["limit_cents"] if change.after else None)
        for _, change in list(reader.seen)
        if change.operation in ("update", "delete")
    ]


def _pay_once(seen: Joined, producer: KafkaProducer, topic: str, began: float) -> None:
    payment = _pay(producer, topic, seen.card)
    seen.payments[payment.payment_id] = payment.at.timestamp() - began


def _is_told(bank: Bank, seen: Joined, alerts: str) -> bool:
    found = [LimitExceeded.parse(record.value) for record in reading.read_all(bank.ws, alerts)]
    seen.alerted = {alert.payment_id for alert in found} & set(seen.payments)
    gone = next(when for when, limit in seen.limits if limit is None)
    return any(when > gone and name in seen.alerted for name, when in seen.payments.items())


@dataclass
class Killed:
    """What was seen when Connect was killed. Times are seconds since the monolith began to work.

    Attributes:
        committed: the number of a change to when the database committed it.
        arrived: when a change came, and its number; those that came again too.
    """

    committed: dict[int, float] = field(default_factory=dict)
    arrived: list[tuple[float, int]] = field(default_factory=list)
    killed: float = 0.0
    answers: float = 0.0
    count: int = 0

    @property
    def missing(self) -> int:
        """How many changes never came."""
        return self.count - len({number for _, number in self.arrived})

    @property
    def again(self) -> list[tuple[float, int]]:
        """What came that had come before."""
        times: Counter = Counter()
        found = []
        for when, number in self.arrived:
            times[number] += 1
            if times[number] > 1:
                found.append((when, number))
        return found


def kill_connect(bank: Bank, count: int = 240, rate: float = 40, kill_after: float = 2.5) -> Killed:
    """Kill Kafka Connect while the monolith changes limits, start it again, and wait for every change."""
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


@dataclass
class Held:
    """How much of its log the database kept for the slot: seconds, bytes; and what happened when."""

    points: list[tuple[float, int]] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)


def hold_the_log(bank: Bank, seconds: float = 5) -> Held:
    """Kill Connect, let the monolith work, start Connect again, and draw all the while how much log is held back."""
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
    """The bytes that the slot holds back. A checkpoint is when PostgreSQL looks what it may throw away."""
    with bank.connect() as database:
        database.execute("checkpoint")
    return next(slot["bytes_held"] for slot in bank.slots() if slot["slot_name"] == bank.database)
