"""Failover after a killed leader, and the demonstrations of lesson 03.

- leader killed at 500 payments/s, acks=all: lost and duplicated payments, longest write gap;
- losses with acks=1 and two frozen followers; duplicates without and with idempotence;
- number of checks at which a healthy broker was fenced while all cores were busy for a minute (run 0 only).
"""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import closing

import workshop
from kafka import KafkaProducer
from workshop.lessons.replication import experiments
from workshop.notebook.connection import Connection

from benchmarks.measuring import Values, unseen

STACK = "running"
RUNS = 10
FIGURES = {
    "write gap, broker": "s",
    "write gap, controller": "s",
    "lost": "payments",
    "duplicated": "payments",
    "acks=1: lost of 200": "payments",
    "records of 200, not idempotent": "records",
    "records of 200, idempotent": "records",
    "fenced": "checks",
    "checks while busy": "checks",
}
BUSY = 60.0  # seconds


def killed_leader(ws: Connection) -> tuple[int, int, float, bool]:
    """Return lost, duplicated, write gap in seconds, and whether the active controller was killed."""
    with closing(ws.admin()) as admin:
        controller = admin.describe_metadata_quorum()["topics"][0]["partitions"][0]["leader_id"]
    topic = ws.fresh_topic("under-fire")
    with unseen(), closing(KafkaProducer(**ws.kafka, acks="all", request_timeout_ms=5_000)) as producer:
        seen = experiments.kill_the_leader(ws, topic, producer)
    assert seen.result is not None  # set at the end of the experiment
    start, stop = seen.gap
    return len(seen.result.lost), len(seen.result.duplicated), stop - start, seen.leader == controller


def demonstrations(ws: Connection) -> tuple[int, int, int]:
    """Return the payments lost of 200 (acks=1), and the records of 200 without and with idempotence."""
    topic = ws.fresh_topic("two-frozen", partitions=1)
    options = {"acks": 1, "request_timeout_ms": 1_000, "delivery_timeout_ms": 3_000}
    with unseen(), closing(KafkaProducer(**ws.kafka, **options)) as producer:
        lost = len(experiments.freeze_and_kill(ws, topic, producer).lost)
    return lost, _records_through_a_freeze(ws, idempotent=False), _records_through_a_freeze(ws, idempotent=True)


def _records_through_a_freeze(ws: Connection, *, idempotent: bool) -> int:
    """Return the records of 200 payments that were sent while a follower was frozen."""
    topic = ws.fresh_topic("one-frozen", partitions=1)
    options = {"acks": "all", "enable_idempotence": idempotent, "request_timeout_ms": 600, "linger_ms": 50}
    with closing(KafkaProducer(**ws.kafka, **options)) as producer:
        producer.partitions_for(topic)
        with experiments.frozen_follower(ws, topic):
            futures = [producer.send(topic, value=b"%d" % number) for number in range(200)]
            producer.flush()
    return sum(experiments.compare(ws, topic, futures).times.values())


def _burn(until: float) -> None:
    while time.monotonic() < until:
        pass


def fenced_while_busy(ws: Connection, seconds: float) -> tuple[int, int]:
    """Return how often a registered broker was missing with all cores busy, and the number of checks."""
    until = time.monotonic() + seconds
    burners = [multiprocessing.Process(target=_burn, args=(until,)) for _ in range(os.cpu_count() or 2)]
    for burner in burners:
        burner.start()
    missing = looked = 0
    while time.monotonic() < until:
        registered = ws.brokers.registered()
        if registered:
            looked += 1
            missing += len(registered) < 3
        time.sleep(0.2)
    for burner in burners:
        burner.join()
    return missing, looked


def measure(run: int) -> Values:
    """Kill a leader, and show the demonstrations of lesson 03."""
    ws = workshop.connect()
    ws.brokers.restore()
    if run == 0:
        missing, looked = fenced_while_busy(ws, BUSY)
        yield "fenced", missing
        yield "checks while busy", looked
    lost, duplicated, gap, of_controller = killed_leader(ws)
    ws.tidy()
    yield f"write gap, {'controller' if of_controller else 'broker'}", gap
    yield "lost", lost
    yield "duplicated", duplicated
    shown = demonstrations(ws)
    ws.tidy()
    yield from zip(list(FIGURES)[4:7], shown, strict=True)
