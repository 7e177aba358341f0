"""Failed payments at 30 payments/s during planned and unplanned disruptions of a Kubernetes.

A rolling update, its undo, a drain, scaling out and in, a graceful delete and a crash; the failed payments of the crash are
retried with their keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import workshop
from workshop.base.waiting import wait_until
from workshop.domain.payments import MalformedEvent, parse
from workshop.domain.payments.events import AccountDebited, PaymentDeclined
from workshop.kafka import consume
from workshop.lessons.microservices_on_kubernetes import experiments as lesson
from workshop.load.traffic import Traffic, pay
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes.kubectl import kubectl

from benchmarks.measuring import Values, unseen

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

STACK = "running"
OPERATIONS = ("rolling update", "undo", "drain", "scaling out and in", "graceful delete", "crash")
FIGURES = {
    **{f"{operation}: {figure}": "payments" for operation in OPERATIONS for figure in ("payments", "failed")},
    "retried: refused": "payments",
    "retried: not debited once": "payments",
}


def measure(run: int) -> Values:
    """Run the operations under load."""
    ws = workshop.connect()
    api = lesson.ensure(ws)
    try:
        for operation, traffic in _operations(ws, api, run):
            yield f"{operation}: payments", len(traffic.answers)
            yield f"{operation}: failed", len(traffic.failed)
            if operation == "crash":
                yield from _send_again(ws, traffic)
    finally:
        deployments.restore(ws)


def _operations(ws: Connection, api: CoreV1Api, number: int) -> Iterator[tuple[str, Traffic]]:
    with unseen():
        yield "rolling update", lesson.roll_out(ws, f"r{number}").traffic
        yield "undo", lesson.roll_back(ws).traffic
        yield "drain", lesson.drained(ws).traffic
    with Traffic(ws.payments, lesson.RATE) as traffic:
        for count in (6, 2):
            deployments.scale(ws, count)
            pods.ready(api, deployments.APP, count)
        time.sleep(2)
    yield "scaling out and in", traffic
    with Traffic(ws.payments, lesson.RATE) as traffic:
        time.sleep(1)
        kubectl(ws.settings, "delete", "pod", pods.pods(api, deployments.APP)[0].name)
        pods.ready(api, deployments.APP, 2)
    yield "graceful delete", traffic
    with Traffic(ws.payments, lesson.RATE) as traffic:
        time.sleep(1)
        deployments.post_to_pod(ws, pods.pods(api, deployments.APP)[0].name, "/admin/crash")
        pods.ready(api, deployments.APP, 2)
        time.sleep(1)
    yield "crash", traffic


def _send_again(ws: Connection, traffic: Traffic) -> Values:
    """Retry the failed payments with their keys: all must be accepted, and each debited or declined once."""

    async def again() -> list:
        async with httpx.AsyncClient(base_url=ws.payments, trust_env=False, timeout=20) as client:
            return [await pay(client, answer.key) for answer in traffic.failed]

    yield "retried: refused", sum(not answer.good for answer in asyncio.run(again()))
    # The payment id is derived from card and key, so it is the same for the retry.
    ids = _ids(ws, [answer.key for answer in traffic.failed])
    wait_until(lambda: set(ids) <= set(_answered(ws)), 90, "the payments to be debited", every=1)
    times = _answered(ws)
    yield "retried: not debited once", sum(times[one] != 1 for one in ids)


def _ids(ws: Connection, keys: list[str]) -> list[str]:
    from services.payments.orders import payment_id_of

    return [payment_id_of(key, f"card-{int(key[:6], 16) % 250:04d}") for key in keys]


def _answered(ws: Connection) -> Counter:
    found: Counter[str] = Counter()
    for record in consume.read_all(ws, "debits", isolation_level="read_committed"):
        with contextlib.suppress(MalformedEvent):
            event = parse(record.value)
            if isinstance(event, AccountDebited | PaymentDeclined):
                found[event.payment_id] += 1
    return found
