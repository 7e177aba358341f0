"""Change data capture: latency of a change, and start and memory of PostgreSQL and Kafka Connect, on a running stack.

Usage, after `workshop up`: .venv/bin/python infra/benchmarks/cdc.py [--runs N]

Prints, as median, minimum and maximum over the runs:
- start of PostgreSQL, and of Kafka Connect with Debezium, in seconds, with existing data;
- from the creation of the connector to the end of its snapshot, in seconds;
- from a commit to a reader of the topic, in milliseconds: median and 99th percentile of 400 changes at 40 per second;
- memory of both afterwards: the proportional set size, in MB (Linux).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import psutil
import workshop
from measuring import spread
from workshop.base.processes import Processes
from workshop.lessons.change_data_capture import bank as banks
from workshop.lessons.change_data_capture import outbox
from workshop.lessons.change_data_capture.bank import Bank
from workshop.lessons.change_data_capture.live import latency
from workshop.notebook.connection import Connection

CHANGES, RATE = 400, 40


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of a call in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def memory_mb(ws: Connection, name: str) -> float:
    """Return the proportional set size of a component and its children.

    It divides shared memory among its users.
    """
    process = Processes(ws.settings.state).running()[name]
    family: list[psutil.Process] = [process, *process.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in family) / 1e6


def one_run(ws: Connection) -> dict[str, float]:
    """Start the bank's components, measure, and close the bank."""
    bank: Bank = banks.ensure(ws)
    bank.worker.stop()
    bank.postgres.stop()
    figures = {
        "PostgreSQL starts, s": seconds(bank.postgres.start),
        "Kafka Connect starts, s": seconds(bank.start_connect),
        "snapshot read, following, s": seconds(lambda: outbox.follow(bank)),
    }
    found = latency(bank, CHANGES, RATE)
    figures["commit to reader, median, ms"] = found.percentile(50)
    figures["commit to reader, 99th percentile, ms"] = found.percentile(99)
    figures["memory of Kafka Connect, MB"] = memory_mb(ws, "connect")
    figures["memory of PostgreSQL, MB"] = memory_mb(ws, "postgres")
    bank.close()
    return figures


def main() -> None:
    """Run the benchmark and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    ws = workshop.connect()
    ws.brokers.restore()
    figures: dict[str, list[float]] = {}
    for _ in range(runs):
        for name, value in one_run(ws).items():
            figures.setdefault(name, []).append(value)
    for name, values in figures.items():
        words, _, unit = name.rpartition(", ")
        print(f"{words}: {spread(values, unit, 1)}")


if __name__ == "__main__":
    main()
