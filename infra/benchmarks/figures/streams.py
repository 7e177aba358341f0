"""Stream processing: one job in Quix Streams, in plain kafka-python and in pandas; restore, memory, installation.

The job sums payments per card and hour, and writes the new sum after each payment. Measured are:
- events per second: from the first to the last update of 10,000 payments, by the brokers' time of the updates; for pandas,
  reading the topic into a table and one `groupby`;
- from a payment to its update at 50 payments per second, in milliseconds: 99th percentile of 500 payments;
- restore: from the begin to the end of the recovery from the changelog, by the log of an instance without its state folder.
  The start of Python is not in it. A recovery of 1,000 keys takes one to two seconds, which are mostly waits for empty polls;
  so the figure is the difference between 101,000 and 1,000 keys, in seconds per million keys;
- memory of an instance after the 10,000 payments: the proportional set size, in MB (Linux);
- installation of the environment with its packages in the cache of uv: seconds, and MB of files that are not links into it.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import psutil
import workshop
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from workshop.base.waiting import wait_until
from workshop.domain.payments import PaymentMade
from workshop.kafka.consume import read_all
from workshop.kafka.produce import IN_BULK, publish
from workshop.lessons.stream_processing import experiments
from workshop.lessons.stream_processing.instances import Instance
from workshop.lessons.stream_processing.payments import HOUR_MS
from workshop.notebook import story
from workshop.notebook.connection import Connection
from workshop.stack.streams import environment

from benchmarks import measuring
from benchmarks.measuring import Values, seconds

STACK = "running"
RUNS = 3
FIGURES = {
    **{f"throughput: {name}": "events/s" for name in ("Quix Streams", "kafka-python", "pandas")},
    **{f"latency, p99: {name}": "ms" for name in ("Quix Streams", "kafka-python")},
    "restore per million keys": "s",
    "memory of an instance": "MB",
    "installation": "s",
    "size of the environment": "MB",
}
EVENTS = 10_000
FEW, MANY = 1_000, 101_000  # keys
# Two lines of an instance's log, each with its time: "[2026-11-29 13:10:28,692] [INFO] [quixstreams] : Beginning …".
BEGIN, END = "Beginning recovery check", "Recovery process complete"
SAMPLES, RATE = 500, 50
PATIENCE = 600.0  # seconds


def spend(app: Any, payments: str, updates: str) -> None:
    """Sum payments per card and hour with Quix Streams."""
    stream = app.dataframe(app.topic(payments, key_deserializer="str"))
    cents = stream.apply(lambda payment: payment["amount_cents"])
    windows = cents.tumbling_window(3_600_000).sum().current()
    windows.to_topic(app.topic(updates, key_serializer="str"))


@contextmanager
def quix(ws: Connection, payments: str, updates: str) -> Iterator[Instance]:
    """Run the job as an instance of Quix Streams."""
    with Instance(ws, experiments.new_group(ws, "bench"), spend, payments, updates, loglevel="ERROR") as one:
        yield one


@contextmanager
def plain(ws: Connection, payments: str, updates: str) -> Iterator[None]:
    """Run the same job with kafka-python in a thread; its state is a dict and is lost at the end."""
    ended = threading.Event()
    thread = threading.Thread(target=_plain, args=(ws, payments, updates, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _plain(ws: Connection, payments: str, updates: str, ended: threading.Event) -> None:
    sums: dict[tuple[bytes, int], int] = defaultdict(int)
    group = ws.fresh_name("plain")
    consumer = KafkaConsumer(payments, **ws.kafka, group_id=group, auto_offset_reset="earliest")
    with closing(consumer), closing(KafkaProducer(**ws.kafka, acks="all", **IN_BULK)) as producer:
        while not ended.is_set():
            for records in consumer.poll(100, max_records=5_000).values():
                for record in records:
                    start = record.timestamp - record.timestamp % HOUR_MS
                    sums[record.key, start] += json.loads(record.value)["amount_cents"]
                    value = {"start": start, "end": start + HOUR_MS, "value": sums[record.key, start]}
                    producer.send(updates, key=record.key, value=json.dumps(value).encode())


JOBS: dict[str, Callable] = {"Quix Streams": quix, "kafka-python": plain}


def updates_topic(ws: Connection) -> str:
    """Return a new topic whose records have the brokers' time."""
    return ws.fresh_topic("updates", message_timestamp_type="LogAppendTime")


def wait_for(ws: Connection, topic: str, count: int) -> list:
    """Wait until a topic has so many records; return them."""
    wait_for_end(ws, topic, count)
    return read_all(ws, topic)


def throughput(ws: Connection, job: Callable, payments: str, count: int) -> tuple[float, float]:
    """Return events per second, and the memory of the instance in MB (0 for a thread)."""
    updates = updates_topic(ws)
    with job(ws, payments, updates) as one:
        records = wait_for(ws, updates, count)
        memory = measuring.memory_mb([psutil.Process(one.pid)]) if one else 0.0
    times = [record.timestamp for record in records]
    return (count - 1) * 1000 / (max(times) - min(times)), memory


def with_pandas(ws: Connection, payments: str) -> float:
    """Return events per second of reading the topic into a table, and one `groupby`."""

    def replay() -> None:
        records = read_all(ws, payments)
        rows = [(record.key, record.timestamp, json.loads(record.value)["amount_cents"]) for record in records]
        table = pd.DataFrame(rows, columns=["card", "at", "cents"])
        table.groupby(["card", table["at"] - table["at"] % HOUR_MS])["cents"].sum()

    return EVENTS / seconds(replay)


def latency(ws: Connection, job: Callable) -> float:
    """Return the 99th percentile from the sending of a payment to its update, in milliseconds."""
    payments, updates = ws.fresh_topic("live-payments"), updates_topic(ws)
    with job(ws, payments, updates):
        publish(ws, payments, [payment(0)])  # the job has its partitions when this one has an update
        wait_for(ws, updates, 1)
        began = time.monotonic()
        with closing(KafkaProducer(**ws.kafka, acks="all")) as producer:
            for number in range(1, SAMPLES + 1):
                time.sleep(max(0.0, began + number / RATE - time.monotonic()))
                one = payment(number)
                producer.send(payments, key=one.key(), value=one.value(), timestamp_ms=one.timestamp_ms())
        records = wait_for(ws, updates, SAMPLES + 1)
    # Each card has one payment, so the key of an update names its payment.
    sent = {record.key: record.timestamp for record in read_all(ws, payments)}
    late = [record.timestamp - sent[record.key] for record in records if record.key != payment(0).key()]
    return float(pd.Series(late).quantile(0.99))


def payment(number: int) -> PaymentMade:
    """Return a payment of now by a card of its own."""
    return PaymentMade(f"card-{number:06d}", "terminal-00001", 1_000, datetime.now(UTC))


def remember(app: Any, payments: str, updates: str) -> None:
    """Keep a state per card, and write it."""

    def add(payment: dict, state: Any) -> dict:
        state.set("sum", state.get("sum", 0) + payment["amount_cents"])
        return {"sum": state.get("sum")}

    stream = app.dataframe(app.topic(payments, key_deserializer="str")).apply(add, stateful=True)
    stream.to_topic(app.topic(updates, key_serializer="str"))


def restore(ws: Connection) -> float:
    """Return the seconds in which a million keys of state are restored."""
    few, many = (restored(ws, keys) for keys in (FEW, MANY))
    return (many - few) * 1_000_000 / (MANY - FEW)


def restored(ws: Connection, keys: int) -> float:
    """Return the seconds in which an instance restores so many keys, after its state folder was lost."""
    payments, updates = ws.fresh_topic("keys"), updates_topic(ws)
    publish(ws, payments, (payment(number) for number in range(keys)))
    group = experiments.new_group(ws, "restore")
    with Instance(ws, group, remember, payments, updates, loglevel="INFO") as one:
        wait_for_end(ws, updates, keys)
        one.halt()
        one.delete_state()
        log = one.folder / "log"
        log.unlink()  # the first start has a recovery of nothing
        publish(ws, payments, [payment(0)])
        one.start()
        wait_for_end(ws, updates, keys + 1)  # the state is complete: the job goes on
        lines = log.read_text().splitlines()
    return (logged(lines, END) - logged(lines, BEGIN)).total_seconds()


def logged(lines: list[str], words: str) -> datetime:
    """Return the time of the only line with these words. Pure."""
    (line,) = (line for line in lines if words in line)
    return datetime.strptime(line[1:24], "%Y-%m-%d %H:%M:%S,%f")


def wait_for_end(ws: Connection, topic: str, count: int) -> None:
    """Wait until a topic has so many records."""
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
        wait_until(lambda: sum(consumer.end_offsets(places).values()) >= count, PATIENCE, "updates", every=0.05)


def installation(ws: Connection) -> Values:
    """Yield the duration of the installation, and its size."""
    folder = ws.settings.streams_folder
    shutil.rmtree(folder, ignore_errors=True)
    yield "installation", seconds(lambda: environment.install(ws.settings))
    files = [path.stat() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    yield "size of the environment", sum(one.st_size for one in files if one.st_nlink == 1) / 1e6


def measure(run: int) -> Values:
    """Install the environment, then measure each job."""
    ws = workshop.connect()
    try:
        yield from installation(ws)
        payments = ws.fresh_topic("payments")
        publish(ws, payments, story.events(story.payments().head(EVENTS)))
        for name, job in JOBS.items():
            rate, memory = throughput(ws, job, payments, EVENTS)
            yield f"throughput: {name}", rate
            if memory:
                yield "memory of an instance", memory
        yield "throughput: pandas", with_pandas(ws, payments)
        for name, job in JOBS.items():
            yield f"latency, p99: {name}", latency(ws, job)
        yield "restore per million keys", restore(ws)
    finally:
        experiments.tidy(ws)
