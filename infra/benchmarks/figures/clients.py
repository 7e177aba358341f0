"""Throughput of clients: kafka-python with the lessons' and with the best settings, confluent-kafka, and Java's tools.

Measured are events per second of 40,000 events on topics with 3 partitions and 3 replicas. "kafka-python": the lessons'
settings for many records, `workshop.kafka.produce.IN_BULK`, and idempotence with acks=all. Other settings of kafka-python are
figures of their own, named by them; the page shows the highest median.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import confluent_kafka
import workshop
from kafka import KafkaConsumer, KafkaProducer
from workshop.kafka.produce import IN_BULK
from workshop.notebook.connection import Connection

from benchmarks.measuring import Values

STACK = "running"
RUNS = 5
EVENTS = 40_000
SIZES = (100, 1024)  # bytes

BEST: tuple[dict[str, Any], ...] = (
    {"linger_ms": 5, "batch_size": 65_536},
    {"linger_ms": 20, "batch_size": 131_072},
    {"linger_ms": 0, "batch_size": 262_144},
    {"linger_ms": 50, "batch_size": 262_144},
    {"linger_ms": 50, "batch_size": 524_288},
    {"linger_ms": 20, "batch_size": 524_288},
)
BEST_TO_READ: tuple[dict[str, Any], ...] = (
    {"fetch_min_bytes": 100_000, "max_partition_fetch_bytes": 8 << 20},
    {"max_partition_fetch_bytes": 4 << 20, "fetch_max_bytes": 64 << 20},
)


def _named(options: dict[str, Any]) -> str:
    return "kafka-python, " + ", ".join(f"{name}={value}" for name, value in options.items())


OTHERS = ("kafka-python", "confluent-kafka", "Java")
FIGURES = {
    f"{operation} {size} B{acks}: {client}": "events/s"
    for size in SIZES
    for operation, acks, settings in (
        ("produce", ", acks=1", BEST),
        ("produce", ", acks=all", BEST),
        ("consume", "", BEST_TO_READ),
    )
    for client in (*OTHERS, *map(_named, settings))
}
IDEMPOTENCE = {"1": False, "all": True}


def acks_of(word: str) -> int | str:
    """Return `acks` in the type that kafka-python requires."""
    return int(word) if word.isdigit() else word


def kafka_python(ws: Connection, topic: str, size: int, count: int, acks: str, **options: Any) -> float:
    """Return the events per second until all are acknowledged."""
    settings = {"acks": acks_of(acks), "enable_idempotence": IDEMPOTENCE[acks], **IN_BULK, **options}
    value = b"x" * size
    producer = KafkaProducer(**ws.kafka, **settings)
    producer.partitions_for(topic)
    began = time.perf_counter()
    for _ in range(count):
        producer.send(topic, value)
    producer.flush()
    rate = count / (time.perf_counter() - began)
    producer.close()
    return rate


def confluent(ws: Connection, topic: str, size: int, count: int, acks: str) -> float:
    """Measure the same with confluent-kafka, with its defaults and the same guarantees."""
    servers = {"bootstrap.servers": ",".join(ws.kafka["bootstrap_servers"])}
    producer = confluent_kafka.Producer(
        {**servers, "acks": acks, "enable.idempotence": IDEMPOTENCE[acks], "linger.ms": 5, "log_level": 2}
    )
    value = b"x" * size
    began = time.perf_counter()
    for _ in range(count):
        while True:
            try:
                producer.produce(topic, value)
                break
            except BufferError:
                producer.poll(0.05)
    producer.flush()
    return count / (time.perf_counter() - began)


def java_producer(ws: Connection, topic: str, size: int, count: int, acks: str) -> float:
    """Return the figure of Java's tool, which runs as a separate process."""
    command = (
        f"--topic {topic} --num-records {count} --record-size {size} --throughput -1 --command-property acks={acks}"
    )
    said = _tool(ws, "kafka-producer-perf-test", f"{command} enable.idempotence={str(IDEMPOTENCE[acks]).lower()}")
    return float(re.findall(r"([\d.]+) records/sec", said)[-1])


def read_kafka_python(ws: Connection, topic: str, count: int, **options: Any) -> float:
    """Return the events per second until all are read."""
    consumer = KafkaConsumer(topic, **ws.kafka, auto_offset_reset="earliest", **options)
    began, read = time.perf_counter(), 0
    while read < count:
        read += sum(len(records) for records in consumer.poll(timeout_ms=1000, max_records=5000).values())
    rate = read / (time.perf_counter() - began)
    consumer.close()
    return rate


def read_confluent(ws: Connection, topic: str, count: int) -> float:
    """Measure the same with confluent-kafka, in batches."""
    servers = {"bootstrap.servers": ",".join(ws.kafka["bootstrap_servers"])}
    consumer = confluent_kafka.Consumer(
        {**servers, "group.id": f"bench-{time.time_ns()}", "auto.offset.reset": "earliest", "log_level": 2}
    )
    consumer.subscribe([topic])
    began, read = time.perf_counter(), 0
    while read < count:
        read += len(consumer.consume(5000, timeout=1))
    rate = read / (time.perf_counter() - began)
    consumer.close()
    return rate


def read_java(ws: Connection, topic: str, count: int) -> float:
    """Return the figure of Java's tool for fetching alone; it runs as a separate process."""
    said = _tool(ws, "kafka-consumer-perf-test", f"--topic {topic} --num-records {count} --timeout 60000")
    return float(said.strip().splitlines()[-1].split(",")[-1])


def _tool(ws: Connection, name: str, arguments: str) -> str:
    program = [str(ws.settings.commands / name), *arguments.split()]
    return subprocess.run(program, check=True, capture_output=True, text=True).stdout


def cases(ws: Connection, count: int) -> Iterator[tuple[str, dict[str, Callable[[], float]]]]:
    """Yield each operation: its name, and the measurement of each client."""
    for size in SIZES:
        topic = ws.fresh_topic(f"clients-{size}")
        kafka_python(ws, topic, size, count, "all")
        for acks in ("1", "all"):
            same = (ws, topic, size, count, acks)
            yield (
                f"produce {size} B, acks={acks}",
                {
                    "kafka-python": partial(kafka_python, *same),
                    **{_named(options): partial(kafka_python, *same, **options) for options in BEST},
                    "confluent-kafka": partial(confluent, *same),
                    "Java": partial(java_producer, *same),
                },
            )
        yield (
            f"consume {size} B",
            {
                "kafka-python": partial(read_kafka_python, ws, topic, count),
                **{
                    _named(options): partial(read_kafka_python, ws, topic, count, **options) for options in BEST_TO_READ
                },
                "confluent-kafka": partial(read_confluent, ws, topic, count),
                "Java": partial(read_java, ws, topic, count),
            },
        )


def measure(run: int) -> Values:
    """Measure each row and column once."""
    ws = workshop.connect()
    try:
        for row, columns in cases(ws, EVENTS):
            for name, measurement in columns.items():
                yield f"{row}: {name}", measurement()
    finally:
        ws.tidy()
