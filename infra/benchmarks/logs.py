"""Throughput of publishing and replaying both event logs in data/, on temporary topics.

Usage, after `workshop up`: .venv/bin/python infra/benchmarks/logs.py [--runs N]

Prints, as median, minimum and maximum over the runs:
- published: events per second until all are committed, with three replicas each;
- replayed: events per second from the topic into events of the log;
- replayed and folded: seconds from the topic to the files of all patients, or to the customer values and the cohorts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import workshop
from measuring import spread
from workshop.domain.healthcare import patient_event
from workshop.domain.healthcare.patient_file import files
from workshop.domain.retail.projections import cohorts, customer_value
from workshop.domain.retail.tills import lines_sold
from workshop.ingest.log_publishing import publish_log, replay_log
from workshop.lessons.healthcare_and_retail.experiments import SEPSIS, SEPSIS_READING, TILLS, TILLS_READING
from workshop.notebook.connection import Connection


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of a call in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def patients(ws: Connection, topic: str) -> None:
    """Compute the files of all patients from the topic."""
    files(map(patient_event, replay_log(ws, topic)))


def shop(ws: Connection, topic: str) -> None:
    """Compute customer values and cohorts from the topic."""
    lines = lines_sold(replay_log(ws, topic))
    customer_value(lines)
    cohorts(lines)


LOGS = {"sepsis": (SEPSIS, SEPSIS_READING, patients), "tills": (TILLS, TILLS_READING, shop)}


def one_run(ws: Connection, name: str) -> dict[str, float]:
    """Return all figures of a log, measured once on a topic of its own."""
    path, reading, fold = LOGS[name]
    topic = ws.fresh_topic("benchmark")
    try:
        began = time.perf_counter()
        events = publish_log(ws, path, topic, reading).totals.events
        published = time.perf_counter() - began
        return {
            "published, events/s": events / published,
            "replayed, events/s": events / seconds(lambda: replay_log(ws, topic)),
            "replayed and folded, s": seconds(lambda: fold(ws, topic)),
        }
    finally:
        ws.tidy()


def main() -> None:
    """Run the benchmark and print a line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    ws = workshop.connect()
    for name in LOGS:
        found = [one_run(ws, name) for _ in range(runs)]
        for figure in found[0]:
            per_second = figure.endswith("/s")
            words = spread([one[figure] for one in found], "events/s" if per_second else "s", 0 if per_second else 2)
            label = f"{name}: {figure.removesuffix(', events/s').removesuffix(', s')}"
            print(f"{label:32} {words}", flush=True)


if __name__ == "__main__":
    main()
