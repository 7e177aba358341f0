"""Throughput of clients: kafka-python with the lessons' and with the best settings, confluent-kafka, and Java's tools.

Usage, after `workshop up`: .venv/bin/python infra/benchmarks/clients.py [--events N] [--runs N]

Prints events per second on topics with 3 partitions and 3 replicas: median, minimum and maximum of the runs. "lessons": the
lessons' settings for many records, `workshop.kafka.produce.IN_BULK`, and idempotence with acks=all. "best": the settings with
the highest median out of several others; each of them is measured in each run.
"""

from __future__ import annotations

import argparse
import re
import statistics
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


def cases(ws: Connection, count: int) -> Iterator[tuple[str, list[list[Callable[[], float]]]]]:
    """Yield each row of the table: its name, and the measurements of each column.

    The best measurement of a column counts.
    """
    for size in (100, 1024):
        topic = ws.fresh_topic(f"clients-{size}")
        kafka_python(ws, topic, size, count, "all")
        for acks in ("1", "all"):
            same = (ws, topic, size, count, acks)
            yield (
                f"produce {size} B, acks={acks}",
                [
                    [partial(kafka_python, *same)],
                    [partial(kafka_python, *same, **options) for options in BEST],
                    [partial(confluent, *same)],
                    [partial(java_producer, *same)],
                ],
            )
        yield (
            f"consume {size} B",
            [
                [partial(read_kafka_python, ws, topic, count)],
                [partial(read_kafka_python, ws, topic, count, **options) for options in BEST_TO_READ],
                [partial(read_confluent, ws, topic, count)],
                [partial(read_java, ws, topic, count)],
            ],
        )


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    ws = workshop.connect()
    columns = ["lessons", "best", "confluent-kafka", "Java's tool"]
    print(f"{options.events:,} events, {options.runs} runs; events per second: median (min to max)")
    print(f"{'':24}" + "".join(f"{column:>28}" for column in columns), flush=True)
    for name, columns_of in cases(ws, options.events):
        found: list[list[list[float]]] = [[[] for _ in ways] for ways in columns_of]
        for _ in range(options.runs):
            for rates_of, ways in zip(found, columns_of, strict=True):
                for rates, run in zip(rates_of, ways, strict=True):
                    rates.append(run())
        best = [max(rates_of, key=statistics.median) for rates_of in found]
        cells = [f"{statistics.median(v):,.0f} ({min(v):,.0f} to {max(v):,.0f})" for v in best]
        print(f"{name:24}" + "".join(f"{cell:>28}" for cell in cells), flush=True)
    ws.tidy()


if __name__ == "__main__":
    main()
