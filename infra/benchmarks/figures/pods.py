"""Duration of Kubernetes operations: scaling from 2 to 20 pods, replacing a killed pod, and a lost node.

Each is measured from the command until the API reports the last pod as ready. The lost node is not measured on kind, because
Kubernetes' default timeouts apply there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import workshop
from workshop.base.waiting import wait_until
from workshop.notebook import pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes import kubectl

from benchmarks.bench_pods import WEB, deployment, ready
from benchmarks.measuring import Values, seconds_until

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

STACK = "running"
RUNS = 5
FIGURES = {"scale": "s", "replace": "s", "lost node": "s"}


def measure(run: int) -> Values:
    """Scale, kill a pod, and lose a node."""
    ws = workshop.connect()
    api = pods.core(ws)
    try:
        kubectl.apply(ws.settings, [deployment("bench", WEB, 2)])
        wait_until(lambda: ready(api, "bench", 2), 120, "two pods")
        kubectl.kubectl(ws.settings, "scale", "deployment/bench", "--replicas=20")
        yield "scale", seconds_until(lambda: ready(api, "bench", 20), "20 pods")
        kubectl.kubectl(ws.settings, "scale", "deployment/bench", "--replicas=6")
        wait_until(lambda: _count(api) == 6, 120, "six pods")
        victim = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items[0].metadata
        assert victim
        assert victim.name
        api.delete_namespaced_pod(victim.name, kubectl.NAMESPACE, grace_period_seconds=0)
        yield "replace", seconds_until(partial(ready, api, "bench", 6, frozenset({victim.name})), "its successor")
        if ws.backend == "local":
            yield "lost node", _lose_a_node(ws, api)
    finally:
        kubectl.kubectl(ws.settings, "delete", "deployment", "bench", "--ignore-not-found")


def _count(api: CoreV1Api) -> int:
    return len(api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items)


def _lose_a_node(ws: Connection, api: CoreV1Api) -> float:
    found = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items
    nodes = {pod.metadata.name: pod.spec.node_name for pod in found if pod.metadata and pod.spec and pod.metadata.name}
    node = nodes[next(iter(nodes))]
    assert node is not None  # all pods are ready
    there = frozenset(name for name, its_node in nodes.items() if its_node == node)
    try:
        ws.nodes.lose(node)
        return seconds_until(lambda: ready(api, "bench", 6, there), "the pods elsewhere")
    finally:
        ws.nodes.restore()
