"""A kind cluster: its start, its images, its memory, and failed requests during planned and unplanned disruptions.

Usage: .venv/bin/python infra/benchmarks/kind.py start [--runs N]     clusters of its own, images present (needs Docker)
       .venv/bin/python infra/benchmarks/kind.py operations [--runs N]  on the running stack, after `workshop up`

`start` prints the time until brokers and services of a new cluster are ready, the time of a second `up`, image sizes, and the
memory of all nodes. `operations` prints the number of failed payments at 30 payments/s during a rolling update, its undo, a
drain, scaling out and in, a graceful delete and a crash, and the result of a retry of the failed ones with the same key.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import workshop
from measuring import spread, timed
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until
from workshop.domain.payments import MalformedEvent, parse
from workshop.domain.payments.events import AccountDebited, PaymentDeclined
from workshop.kafka import consume
from workshop.lessons.microservices_on_kubernetes import experiments as lesson
from workshop.load.traffic import Traffic, pay
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes.kind import engine, images
from workshop.stack.kubernetes.kind.nodes import Nodes
from workshop.stack.kubernetes.kubectl import kubectl

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api


def start(runs: int) -> None:
    """Measure start, memory and images of clusters, and print the figures."""
    first, again, memory = [], [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            env = {**os.environ, "WORKSHOP_STATE": folder, "WORKSHOP_BACKEND": "kind"}
            try:
                first.append(timed(env, "up", "--no-lab"))
                again.append(timed(env, "up", "--no-lab"))
                time.sleep(20)
                memory.append(_memory(Nodes(Settings.load(env)).name))
            finally:
                timed(env, "reset")
    print(f"up, images present: {spread(first)}\nup on the running cluster: {spread(again)}")
    print(f"memory of all four nodes with everything in them: {spread(memory, 'MB', 0)}")
    for image in (images.KAFKA, images.SERVICES):
        size = int(engine.docker("image", "inspect", "--format", "{{.Size}}", image))
        print(f"{image}: {size / 1e6:.0f} MB")


def _memory(cluster: str) -> float:
    """Return the memory of the nodes' containers without page cache, in MB."""
    used = engine.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", *engine.containers(cluster))
    return sum(_megabytes(line.split("/")[0].strip()) for line in used.splitlines())


def _megabytes(text: str) -> float:
    for unit, factor in (("GiB", 1073.7), ("MiB", 1.0486), ("KiB", 0.001)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return 0.0


def operations(runs: int) -> None:
    """Run the operations under load, and print the failed payments."""
    ws = workshop.connect()
    api = lesson.ensure(ws)
    failed: dict[str, list[str]] = {}
    for number in range(runs):
        for name, traffic in _one_run(ws, api, number):
            failed.setdefault(name, []).append(f"{len(traffic.failed)}/{len(traffic.answers)}")
            if name == "crash":
                _send_again(ws, traffic)
    for name, counts in failed.items():
        print(f"{name}: failed {', '.join(counts)}")
    deployments.restore(ws)


def _one_run(ws: Connection, api: CoreV1Api, number: int) -> Iterator[tuple[str, Traffic]]:
    with contextlib.redirect_stdout(io.StringIO()):
        yield "rolling update", lesson.roll_out(ws, api, f"r{number}").traffic
        yield "undo", lesson.roll_back(ws, api).traffic
        yield "drain", lesson.drained(ws, api).traffic
    with Traffic(ws.payments, lesson.RATE) as traffic:
        for count in (6, 2):
            deployments.scale(ws, count)
            pods.ready(api, deployments.APP, count)
        time.sleep(2)
    yield "scale out and in", traffic
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


def _send_again(ws: Connection, traffic: Traffic) -> None:
    """Retry the failed payments with their keys: all must be accepted, and each debited or declined once."""

    async def again() -> list:
        async with httpx.AsyncClient(base_url=ws.payments, trust_env=False, timeout=20) as client:
            return [await pay(client, answer.key) for answer in traffic.failed]

    accepted = sum(answer.good for answer in asyncio.run(again()))
    # The payment id is derived from card and key, so it is the same for the retry.
    ids = _ids(ws, [answer.key for answer in traffic.failed])
    wait_until(lambda: set(ids) <= set(_answered(ws)), 90, "the payments to be debited", every=1)
    times = Counter({one: _answered(ws)[one] for one in ids})
    each = sorted(set(times.values()))
    print(f"after the crash {len(traffic.failed)} sent again: {accepted} accepted, debited {each} times each")


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


def main() -> int:
    """Run the requested measurement and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("start", "operations"))
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    try:
        {"start": start, "operations": operations}[options.what](options.runs)
    except WorkshopError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
