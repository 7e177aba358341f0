"""Change data capture: latency of a change, and start and memory of PostgreSQL and Kafka Connect.

Measured are:
- start of PostgreSQL, and of Kafka Connect with Debezium, in seconds, with existing data;
- from the creation of the connector to the end of its snapshot, in seconds;
- from a commit to a reader of the topic, in milliseconds: median and 99th percentile of 400 changes at 40 per second;
- memory of both afterwards: the proportional set size, in MB (Linux).
"""

from __future__ import annotations

import workshop
from workshop.base.processes import Processes
from workshop.lessons.change_data_capture import bank as banks
from workshop.lessons.change_data_capture import outbox
from workshop.lessons.change_data_capture.bank import Bank
from workshop.lessons.change_data_capture.live import latency
from workshop.notebook.connection import Connection

from benchmarks import measuring
from benchmarks.measuring import Values, seconds

STACK = "running"
RUNS = 5
FIGURES = {
    "start of PostgreSQL": "s",
    "start of Kafka Connect": "s",
    "snapshot": "s",
    "latency, median": "ms",
    "latency, p99": "ms",
    "memory of PostgreSQL": "MB",
    "memory of Kafka Connect": "MB",
}
CHANGES, RATE = 400, 40


def memory_mb(ws: Connection, name: str) -> float:
    """Return the proportional set size of a component and its children in MB."""
    process = Processes(ws.settings.state).running()[name]
    return measuring.memory_mb([process, *process.children(recursive=True)])


def measure(run: int) -> Values:
    """Start the bank's components, measure, and close the bank."""
    ws = workshop.connect()
    ws.brokers.restore()
    bank: Bank = banks.ensure(ws)
    try:
        bank.worker.stop()
        bank.postgres.stop()
        yield "start of PostgreSQL", seconds(bank.postgres.start)
        yield "start of Kafka Connect", seconds(bank.start_connect)
        yield "snapshot", seconds(lambda: outbox.follow(bank))
        found = latency(bank, CHANGES, RATE)
        yield "latency, median", found.percentile(50)
        yield "latency, p99", found.percentile(99)
        yield "memory of Kafka Connect", memory_mb(ws, "connect")
        yield "memory of PostgreSQL", memory_mb(ws, "postgres")
    finally:
        bank.close()
