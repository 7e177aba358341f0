"""Throughput of publishing and replaying both event logs in data/, on temporary topics.

Measured are:
- published: events per second until all are committed, with three replicas each;
- replayed: events per second from the topic into events of the log;
- folded: seconds from the topic to the files of all patients, or to the customer values and the cohorts.
"""

from __future__ import annotations

import time

import workshop
from workshop.domain.healthcare import patient_event
from workshop.domain.healthcare.patient_file import files
from workshop.domain.retail.projections import cohorts, customer_value
from workshop.domain.retail.tills import lines_sold
from workshop.ingest.log_publishing import publish_log, replay_log
from workshop.lessons.healthcare_and_retail.experiments import SEPSIS, SEPSIS_READING, TILLS, TILLS_READING
from workshop.notebook.connection import Connection

from benchmarks.measuring import Values, seconds

STACK = "running"
RUNS = 5


def patients(ws: Connection, topic: str) -> None:
    """Compute the files of all patients from the topic."""
    files(map(patient_event, replay_log(ws, topic)))


def shop(ws: Connection, topic: str) -> None:
    """Compute customer values and cohorts from the topic."""
    lines = lines_sold(replay_log(ws, topic))
    customer_value(lines)
    cohorts(lines)


LOGS = {"sepsis": (SEPSIS, SEPSIS_READING, patients), "tills": (TILLS, TILLS_READING, shop)}
FIGURES = {
    f"{name}: {figure}": unit
    for name in LOGS
    for figure, unit in {"published": "events/s", "replayed": "events/s", "folded": "s"}.items()
}


def measure(run: int) -> Values:
    """Publish and replay both logs, each on a topic of its own."""
    ws = workshop.connect()
    for name, (path, reading, fold) in LOGS.items():
        topic = ws.fresh_topic("benchmark")
        try:
            began = time.perf_counter()
            events = publish_log(ws, path, topic, reading).totals.events
            yield f"{name}: published", events / (time.perf_counter() - began)
            yield f"{name}: replayed", events / seconds(lambda: replay_log(ws, topic))  # noqa: B023 - called at once
            yield f"{name}: folded", seconds(lambda: fold(ws, topic))  # noqa: B023
        finally:
            ws.tidy()
