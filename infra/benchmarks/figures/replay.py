"""Throughput of parsing, publishing and replaying the full simulated set of 1,754,155 payments, on temporary topics.

Measured are:
- parsed: rows of a CSV file per second, into exact cents;
- published: seconds until all rows are committed, with three replicas each, and rows per second;
- replayed: events per second from the topic into the canonical table;
- folded: seconds from the topic to the sums of all cards;
- read: events per second, not decoded, by each client with its fastest settings.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import workshop
from kafka import KafkaConsumer, TopicPartition
from payments_simulator import simulate
from workshop.ingest import replay
from workshop.ingest.payment_rows import read
from workshop.ingest.publications import LOG_TOPIC, publish_file
from workshop.notebook.connection import Connection

from benchmarks.measuring import Values, seconds

STACK = "running"
FIGURES = {
    "parsed": "rows/s",
    "published": "s",
    "published per second": "rows/s",
    "replayed": "events/s",
    "folded": "s",
    "read, confluent-kafka": "events/s",
    "read, kafka-python": "events/s",
}

TUNED = {"max_poll_records": 10_000, "fetch_max_bytes": 64 << 20, "max_partition_fetch_bytes": 8 << 20}


def parse(path: Path) -> None:
    """Parse all chunks of the file."""
    for _ in read(path):
        pass


def read_kafka_python(ws: Connection, topic: str) -> None:
    """Read all records without decoding them."""
    with closing(KafkaConsumer(**ws.kafka, isolation_level="read_committed", **TUNED)) as consumer:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        consumer.seek_to_beginning(*places)
        while any(consumer.position(place) < ends[place] for place in places):
            for records in consumer.poll(timeout_ms=500).values():
                _ = [record.value for record in records]


def read_confluent(ws: Connection, topic: str) -> None:
    """Read the same with the reader of `replay`."""
    for _ in replay.batches(ws, topic):
        pass


def balances(ws: Connection, topic: str) -> pd.Series:
    """Return the sum of each card's payments in cents, from a replay of the whole log."""
    table, _ = replay.replay(ws, topic)
    return table.groupby("customer", observed=True)["cents"].sum()


def measure(run: int) -> Values:
    """Publish and replay the full set on a topic of its own."""
    ws = workshop.connect()
    configs: dict[str, Any] = {name.replace(".", "_"): value for name, value in LOG_TOPIC.items()}
    topic = ws.fresh_topic("replay", **configs)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path, frame = Path(folder) / "log.csv", simulate()
            frame.to_csv(path, index=False)
            rows = len(frame)
            yield "parsed", rows / seconds(lambda: parse(path))
            took = seconds(lambda: publish_file(ws, path, topic))
        yield "published", took
        yield "published per second", rows / took
        yield "replayed", rows / seconds(lambda: replay.replay(ws, topic))
        yield "folded", seconds(lambda: balances(ws, topic))
        yield "read, confluent-kafka", rows / seconds(lambda: read_confluent(ws, topic))
        yield "read, kafka-python", rows / seconds(lambda: read_kafka_python(ws, topic))
    finally:
        ws.tidy()
