"""Change data capture: how late a change is, and what PostgreSQL and Kafka Connect cost. On the running stack.

Usage, after `workshop up`: .venv/bin/python infra/benchmarks/cdc.py [--runs N]

Prints, as median, minimum and maximum over the runs:
- start of PostgreSQL, and of Kafka Connect with Debezium, in seconds, on data that is there;
- from the declared connector to the note that the snapshot is read, in seconds;
- from a commit to a reader of the topic, in milliseconds: half and 99 in 100 of 400 changes, 40 a second;
- memory of both when that is done: the proportional set size, in MB (Linux).
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
    """How long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def memory_mb(ws: Connection, name: str) -> float:
    """The proportional set size of a component and its children: memory that several share counts in parts."""
    process = Processes(ws.settings.state).running()[name]
    family: list[psutil.Process] = [process, *process.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in family) / 1e6


def one_run(ws: Connection) -> dict[str, float]:
    """One bank, from nothing that runs to its end."""
    bank: Bank = banks.ensure(ws)
    bank.worker.stop()
    bank.postgres.stop()
    figures = {
        "PostgreSQL starts, s": seconds(bank.postgres.start),
        "Kafka Connect starts, s": seconds(bank.start_connect),
        "snapshot read, following, s": seconds(lambda: outbox.follow(bank)),
    }
    found = latency(bank, CHANGES, RATE)
    figures["commit to reader, half, ms"] = found.percentile(50)
    figures["commit to reader, 99 in 100, ms"] = found.percentile(99)
    figures["memory of Kafka Connect, MB"] = memory_mb(ws, "connect")
    figures["memory of PostgreSQL, MB"] = memory_mb(ws, "postgres")
    bank.close()
    return figures


def main() -> None:
    """Run, print the table."""
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
