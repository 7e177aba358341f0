"""Throughput of parsing, publishing and replaying a log of simulated payments, on temporary topics.

Usage, after `workshop up`: .venv/bin/python infra/benchmarks/replay.py [FILE] [--rows N] [--runs N]

Prints, as minimum, median and maximum over the runs:
- parsed: rows of a CSV file per second, into exact cents;
- published: seconds until all rows are committed, with three replicas each, and rows per second;
- replayed: events per second from the topic into the canonical table;
- only read: the same events, not decoded, by each client with its fastest settings.

FILE is a CSV or Parquet file such as the full simulated set; without it the extract in data/ is repeated.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import workshop
from kafka import KafkaConsumer, TopicPartition
from workshop.ingest import replay
from workshop.ingest.payment_rows import read
from workshop.ingest.publications import LOG_TOPIC, publish_file
from workshop.notebook.connection import Connection
from workshop.notebook.story import EXTRACT

TUNED = {"max_poll_records": 10_000, "fetch_max_bytes": 64 << 20, "max_partition_fetch_bytes": 8 << 20}


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of a call in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def sample(source: Path, rows: int, folder: Path) -> tuple[Path, int]:
    """Write a CSV file with `rows` rows (0: all rows of the source); return path and number of rows.

    A short source is repeated.
    """
    frame = pd.read_parquet(source) if source.suffix == ".parquet" else pd.read_csv(source)
    rows = rows or len(frame)
    frame = pd.concat([frame] * -(-rows // len(frame)), ignore_index=True).head(rows)
    frame.to_csv(folder / "log.csv", index=False)
    return folder / "log.csv", rows


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


def one_run(ws: Connection, path: Path, rows: int) -> dict[str, float]:
    """Return all figures, measured once on a topic of their own."""
    configs: dict[str, Any] = {name.replace(".", "_"): value for name, value in LOG_TOPIC.items()}
    topic = ws.fresh_topic("replay", **configs)
    try:
        figures = {"parsed, rows/s": rows / seconds(lambda: parse(path))}
        figures["published, s"] = took = seconds(lambda: publish_file(ws, path, topic))
        figures["published, rows/s"] = rows / took
        figures["replayed into the table, events/s"] = rows / seconds(lambda: replay.replay(ws, topic))
        figures["replayed and folded into all balances, s"] = seconds(lambda: balances(ws, topic))
        figures["only read, confluent-kafka, events/s"] = rows / seconds(lambda: read_confluent(ws, topic))
        figures["only read, kafka-python, events/s"] = rows / seconds(lambda: read_kafka_python(ws, topic))
        return figures
    finally:
        ws.tidy()


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, help="a log, CSV or Parquet (default: the extract in data/)")
    parser.add_argument("--rows", type=int, default=0, help="number of rows (default: all rows of the file)")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    ws = workshop.connect()
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path, rows = sample(options.file or ws.settings.root / EXTRACT, options.rows, Path(folder))
        for number in range(options.runs):
            found = one_run(ws, path, rows)
            print(f"run {number + 1}: { {name: round(value) for name, value in found.items()} }", file=sys.stderr)
            for name, value in found.items():
                figures.setdefault(name, []).append(value)
    print(f"{f'{rows:,} rows, {options.runs} runs':42} {'min':>10} {'median':>10} {'max':>10}")
    for name, values in figures.items():
        print(f"{name:42} {min(values):10,.1f} {statistics.median(values):10,.1f} {max(values):10,.1f}")


if __name__ == "__main__":
    main()
