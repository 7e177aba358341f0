"""Lesson 07: the state in which it begins, and the helpers that its cells call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workshop.lessons.microservices_on_kubernetes import manifests
from workshop.lessons.microservices_on_kubernetes.changes import (
    RATE,
    drained,
    must_own_nodes,
    roll_back,
    roll_out,
    under_load,
)
from workshop.lessons.microservices_on_kubernetes.manifests import brokers, own_copy
from workshop.lessons.microservices_on_kubernetes.pictures import draw_answers, draw_pods
from workshop.lessons.microservices_on_kubernetes.releases import wait_for_verdict
from workshop.load.traffic import send
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.notebook.deployments import APP, post_to_pod, scale, workers
from workshop.notebook.live import Live
from workshop.notebook.pictures import Picture
from workshop.notebook.pods import History, Pod
from workshop.stack.kubernetes.kubectl import kubectl, namespace_of

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

REPLICAS = 3
PART = "app.kubernetes.io/part-of=workshop"  # the label of everything that the workshop deploys

__all__ = [
    "RATE",
    "brokers",
    "drained",
    "draw_answers",
    "own_copy",
    "roll_back",
    "roll_out",
    "scale",
    "send",
    "under_load",
    "wait_for_verdict",
]  # used by the notebook and by benchmarks


def ensure(ws: Connection, replicas: int = REPLICAS) -> CoreV1Api:
    """Restore the delivered services, scale `payments`, and return the Kubernetes client.

    Raises:
        WorkshopError: this stack has no Kubernetes, or a service does not become ready.
    """
    api = pods.core(ws)
    restore(ws)
    scale(ws, replicas)
    pods.ready(api, APP, replicas)
    return api


def restore(ws: Connection) -> None:
    """Restore the delivered services, uncordon all nodes, and delete pods that no ReplicaSet owns any more."""
    deployments.restore(ws)
    manifests.reset(ws)
    _delete_orphans(ws, pods.core(ws))


def show_pods(ws: Connection, app: str | None = None) -> Picture:
    """Draw the current pods by node."""
    api = pods.core(ws)
    return draw_pods(workers(api), pods.pods(api, app))


def watch_pods(ws: Connection, replicas: int, timeout: float = 120) -> None:
    """Draw the pods of `payments` until the given number is ready; the picture shows the seconds."""
    api = pods.core(ws)
    nodes = workers(api)
    with History(api, APP) as history:
        live = Live(lambda: draw_pods(nodes, history.latest, after=history.seen[-1][0] if history.seen else 0.0))
        ready = ["ready"] * replicas
        history.wait(lambda now: [p.state for p in now] == ready, f"{replicas} ready pods", timeout, live.update)
    live.finish()


def ready_pods(ws: Connection) -> list[Pod]:
    """Wait until all pods of `payments` are ready, and return them, sorted by name."""
    api = pods.core(ws)
    pods.ready(api, APP, REPLICAS)
    return pods.pods(api, APP)


def crash(ws: Connection, pod: Pod) -> None:
    """Let the program in a pod exit with an error, by a request to that pod."""
    post_to_pod(ws, pod.name, "/admin/crash")


def node_of_a_pod(ws: Connection, replicas: int) -> str:
    """Scale `payments`, wait until all pods are ready, and return the node of the first one.

    Raises:
        WorkshopError: the nodes do not belong to this stack.
    """
    must_own_nodes(ws)
    api = pods.core(ws)
    scale(ws, replicas)
    pods.ready(api, APP, replicas)
    return pods.pods(api, APP)[0].node


def a_suspect(ws: Connection) -> str:
    """Bring `payments` to three ready pods, delete pods that an earlier try left, and return the name of one pod."""
    api = pods.core(ws)
    _delete_orphans(ws, api)
    scale(ws, REPLICAS)
    pods.ready(api, APP, REPLICAS)
    return pods.pods(api, APP)[0].name


def _delete_orphans(ws: Connection, api: CoreV1Api) -> None:
    """Delete the workshop's pods that nothing owns: an exercise takes a pod away from its ReplicaSet."""
    found = api.list_namespaced_pod(namespace_of(api), label_selector=PART, _request_timeout=10).items
    orphans = [pod.metadata for pod in found if pod.metadata and not pod.metadata.owner_references]
    names = [one.name for one in orphans if one.name]
    if names:
        kubectl(ws.settings, "delete", "pod", *names, "--ignore-not-found", timeout=120)
