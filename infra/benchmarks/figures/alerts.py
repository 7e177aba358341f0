"""Latency from a payment to its alert: produced, evaluated by the service `fraud-alerts`, read by a consumer.

The payments are of 100 cards and above the rule's threshold, so that each has an alert. The latency is measured from the call
that sends the payment to the arrival of the alert: median, 99th percentile and maximum of a run, without the first two
seconds. The clients are confluent-kafka, because their threads do not hold Python's global interpreter lock.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import numpy as np
import workshop
from confluent_kafka import Consumer, Producer
from workshop.base.schedule import on_time, steady
from workshop.base.waiting import wait_until
from workshop.domain.payments import PaymentMade, parse
from workshop.notebook import services
from workshop.notebook.connection import Connection

from benchmarks.measuring import Values

STACK = "running"
RUNS = 5
FIGURES = {"median": "ms", "p99": "ms", "maximum": "ms"}
RATE = 200  # payments per second
SECONDS = 12.0
FIRST = 2.0  # seconds that are not counted
CARDS = 100


class Reader(threading.Thread):
    """Records the arrival of each alert: payment_id to `time.perf_counter()`."""

    def __init__(self, ws: Connection, topic: str) -> None:
        super().__init__(daemon=True)
        self.came: dict[str, float] = {}
        self.ended = threading.Event()
        group = {"group.id": topic, "auto.offset.reset": "earliest", "enable.auto.commit": False}
        self._consumer = Consumer({**_servers(ws), **group, "fetch.wait.max.ms": 100})
        self._consumer.subscribe([topic])

    def run(self) -> None:
        """Read until `ended` is set."""
        while not self.ended.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and not message.error():
                now = time.perf_counter()
                self.came.setdefault(parse(message.value()).payment_id, now)
        self._consumer.close()


def _servers(ws: Connection) -> dict:
    return {"bootstrap.servers": ",".join(ws.kafka["bootstrap_servers"]), "log_level": 0}


def latencies(ws: Connection) -> np.ndarray:
    """Return the milliseconds from each payment to its alert."""
    payments, reports = ws.fresh_topic("bench-payments"), ws.fresh_topic("bench-reports", partitions=1)
    alerts = ws.fresh_topic("bench-alerts")
    service, reader = services.fraud_alerts(ws, payments, reports, alerts), Reader(ws, alerts)
    reader.start()
    try:
        service.start()
        producer = Producer({**_servers(ws), "acks": "all", "linger.ms": 0})
        _send(producer, payments, "first", 0)
        wait_until(lambda: "first" in reader.came, 60, "the service's first alert")
        sent = _flow(producer, payments)
        producer.flush(30)
        wait_until(lambda: len(reader.came) > len(sent), 60, "the last alert")
    finally:
        service.stop()
        reader.ended.set()
        reader.join(10)
        ws.tidy()
    began = min(sent.values())
    return np.array([reader.came[one] - at for one, at in sent.items() if at > began + FIRST]) * 1000


def _flow(producer: Producer, topic: str) -> dict[str, float]:
    sent = {}
    for number in on_time(steady(RATE, round(RATE * SECONDS))):
        sent[f"p-{number}"] = time.perf_counter()
        _send(producer, topic, f"p-{number}", number)
    return sent


def _send(producer: Producer, topic: str, name: str, number: int) -> None:
    payment = PaymentMade(f"card-{number % CARDS:04d}", "terminal-00001", 25_000, datetime.now(UTC), name)
    producer.produce(topic, key=payment.key(), value=payment.value(), headers=[*payment.headers()])
    producer.poll(0)


def measure(run: int) -> Values:
    """Send payments, and read their alerts."""
    found = latencies(workshop.connect())
    yield "median", float(np.median(found))
    yield "p99", float(np.percentile(found, 99))
    yield "maximum", float(found.max())
