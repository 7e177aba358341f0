"""Reaction of the autoscaler: from the start of the load to the first new pod ready."""

from __future__ import annotations

import workshop
from workshop.base.waiting import wait_until
from workshop.lessons.scaling_under_load import autoscalers, delivery
from workshop.load import Load, Stage
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes import kubectl

from benchmarks.measuring import Values, seconds_until

STACK = "running"
RUNS = 5
FIGURES = {"new pod": "s"}


def scaled_out(ws: Connection) -> float:
    """Return the seconds from the start of the load to the first new pod ready."""
    api = pods.core(ws)
    delivery.ensure(ws)
    autoscalers.autoscaler(ws, 1, 4, 60)
    try:
        # Wait until the CPU usage of the start is no longer in the metrics, so that the load causes the scaling.
        wait_until(lambda: len(pods.pods(api, delivery.APP)) == 1 and _busy(ws) < 20, 180, "one idle pod", every=0.5)
        with Load(ws.payments, [Stage(90, 40)]):
            return seconds_until(
                lambda: sum(pod.state == "ready" for pod in pods.pods(api, delivery.APP)) >= 2, "more pods", 90
            )
    finally:
        deployments.no_autoscaler(ws)
        delivery.restore(ws)


def _busy(ws: Connection) -> float:
    """Return the CPU utilization in the autoscaler's status, in percent of the request."""
    percent = autoscalers.utilization(kubectl.get(ws.settings, "horizontalpodautoscaler", "payments"))
    return float("inf") if percent is None else percent


def measure(run: int) -> Values:
    """Load one pod, and wait for the second."""
    yield "new pod", scaled_out(workshop.connect())
