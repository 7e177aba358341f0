"""Lesson 07: pods are deleted, crash, are replaced and drained while payments flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workshop.base.errors import WorkshopError
from workshop.base.pace import paced
from workshop.lessons.microservices_on_kubernetes.pictures import draw_answers, draw_lanes, draw_pods, draw_share
from workshop.load.traffic import Traffic, send
from workshop.notebook import pods
from workshop.notebook.connection import Connection
from workshop.notebook.deployments import APP, post_to_pod, restore, scale, workers
from workshop.notebook.live import Live
from workshop.notebook.pictures import Picture
from workshop.notebook.pods import History, Pod
from workshop.stack.external.ownership import not_ours
from workshop.stack.kubernetes import explain
from workshop.stack.kubernetes.kubectl import APP as LABEL
from workshop.stack.kubernetes.kubectl import kubectl

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

RATE = 30.0  # payments per second
CALM = 2.0  # seconds before and after a change, to show the normal state

__all__ = ["draw_answers", "draw_lanes", "draw_share", "scale", "send"]  # used by the notebook


def ensure(ws: Connection, replicas: int = 3) -> CoreV1Api:
    """Restore the delivered services, scale `payments`, and return the Kubernetes client.

    Raises:
        WorkshopError: this stack has no Kubernetes, or a service does not become ready.
    """
    api = pods.core(ws)
    restore(ws)
    scale(ws, replicas)
    pods.ready(api, APP, replicas)
    return api


def show_pods(api: CoreV1Api, app: str | None = None) -> Picture:
    """Draw the current pods by node."""
    return draw_pods(workers(api), pods.pods(api, app))


def watch_pods(api: CoreV1Api, replicas: int, timeout: float = 120) -> None:
    """Draw the pods of `payments` until the given number is ready; the picture shows the seconds."""
    nodes = workers(api)
    with History(api, APP) as history:
        live = Live(lambda: draw_pods(nodes, history.latest, after=history.seen[-1][0] if history.seen else 0.0))
        history.wait(lambda now: _all_ready(now, replicas), f"{replicas} ready pods", timeout, live.update)
    live.finish()


@dataclass
class Change:
    """Observations of a change under load.

    Attributes:
        marks: pairs of seconds since the load began and action.
        said: Kubernetes' messages about pods that were not ready.
    """

    traffic: Traffic
    history: History
    marks: list[tuple[float, str]] = field(default_factory=list)
    said: str = ""
    live: Live = field(init=False, repr=False, compare=False)

    def mark(self, word: str) -> None:
        """Record an action at this moment."""
        self.marks.append((self.history.now, word))

    @property
    def releases(self) -> Picture:
        """The answers over time, by release."""
        return draw_share(list(self.traffic.answers), self.marks)

    @property
    def lanes(self) -> Picture:
        """The states of each pod over time."""
        return draw_lanes(list(self.history.seen), self.marks)


@contextmanager
def under_load(
    ws: Connection, api: CoreV1Api, picture: Callable[[Change], Picture], rate: float = RATE
) -> Iterator[Change]:
    """Send payments and watch the pods during the block, with a live picture; at the end, a still remains."""
    with History(api, APP) as history, Traffic(ws.payments, rate) as traffic:
        change = Change(traffic, history)
        live = Live(lambda: picture(change))
        _pass(history, paced(CALM), live)
        change.live = live
        yield change
        _pass(history, paced(CALM), live)
    live.finish()


def two_healings(ws: Connection, api: CoreV1Api) -> Change:
    """Delete one pod, and crash the program in another; watch their replacement under load."""
    with under_load(ws, api, lambda change: change.lanes) as change:
        victim, other = [pod for pod in pods.pods(api, APP) if pod.state == "ready"][:2]
        change.mark("pod deleted")
        kubectl(ws.settings, "delete", "pod", victim.name, "--wait=false")
        _until(change, lambda now: victim.name not in {pod.name for pod in now} and _all_ready(now, len(now)))
        change.mark("program crashed")
        restarts = other.restarts
        _crash(ws, api, other)
        _until(change, lambda now: any(p.name == other.name and p.restarts > restarts for p in now))
        _until(change, lambda now: _all_ready(now, len(now)))
    return change


def roll_out(ws: Connection, api: CoreV1Api, release: str, rate: float = RATE) -> Change:
    """Roll out a new release under load; return when only its pods are left."""
    with under_load(ws, api, lambda change: change.releases, rate) as change:
        change.mark(f"release {release}")
        kubectl(ws.settings, "set", "env", f"deployment/{APP}", f"RELEASE={release}")
        _until(change, lambda now: _all_ready(now, len(now)) and {pod.release for pod in now} == {release})
    return change


def roll_back(ws: Connection, api: CoreV1Api) -> Change:
    """Run `kubectl rollout undo` under load."""
    before = {pod.release for pod in pods.pods(api, APP)}
    with under_load(ws, api, lambda change: change.releases) as change:
        change.mark("undo")
        kubectl(ws.settings, "rollout", "undo", f"deployment/{APP}")
        _until(change, lambda now: _all_ready(now, len(now)) and not before & {pod.release for pod in now})
    return change


def roll_out_a_broken_release(ws: Connection, api: CoreV1Api, patience: float = 12) -> Change:
    """Roll out a release with a wrong address of Kafka, watch it for a while, then undo it."""
    with under_load(ws, api, lambda change: change.lanes) as change:
        change.mark("broken release")
        kubectl(ws.settings, "set", "env", f"deployment/{APP}", "RELEASE=broken", "KAFKA_BOOTSTRAP=nowhere:9092")
        _until(change, lambda now: any(pod.release == "broken" for pod in now))
        _pass(change.history, paced(patience, 6.0), change.live)
        change.said = explain.of_pods(api, APP)
        change.mark("undo")
        kubectl(ws.settings, "rollout", "undo", f"deployment/{APP}")
        _until(change, lambda now: all(pod.release != "broken" for pod in now))
    return change


def drain(ws: Connection, node: str, timeout: int = 60) -> str:
    """Drain the pods of `payments` from a node; return the result in the words of `kubectl drain`.

    Raises:
        WorkshopError: the nodes do not belong to this stack.
    """
    _must_own_nodes(ws)
    words = ["drain", node, f"--pod-selector={LABEL}={APP}", "--delete-emptydir-data", "--ignore-daemonsets"]
    try:
        return kubectl(ws.settings, *words, f"--timeout={timeout}s", timeout=timeout + 30).strip()
    except WorkshopError as error:
        refusals = [line for line in error.detail.splitlines() if "Cannot evict" in line]
        return refusals[0] if refusals else error.detail


def refused_drain(ws: Connection, api: CoreV1Api) -> str:
    """Drain the node of the only pod; return the answer of Kubernetes, and uncordon the node."""
    _must_own_nodes(ws)
    scale(ws, 1)
    pods.ready(api, APP, 1)
    node = pods.pods(api, APP)[0].node
    try:
        return drain(ws, node, timeout=4)
    finally:
        kubectl(ws.settings, "uncordon", node)


def drained(ws: Connection, api: CoreV1Api, replicas: int = 3) -> Change:
    """Drain a node under load, with several pods."""
    _must_own_nodes(ws)
    scale(ws, replicas)
    pods.ready(api, APP, replicas)
    node = pods.pods(api, APP)[0].node
    nodes = workers(api)
    with under_load(
        ws, api, lambda change: draw_pods(nodes, change.history.seen[-1][1] if change.history.seen else [])
    ) as change:
        change.mark("drain")
        change.said = drain(ws, node)
        _until(change, lambda now: _all_ready(now, replicas) and node not in {pod.node for pod in now})
    kubectl(ws.settings, "uncordon", node)
    return change


def _must_own_nodes(ws: Connection) -> None:
    if not ws.nodes.ours:
        raise not_ours("No node is drained", "nodes")


def _crash(ws: Connection, api: CoreV1Api, pod: Pod) -> None:
    """Let the program in a pod exit with an error, by a request to that pod."""
    post_to_pod(ws, pod.name, "/admin/crash")


def _all_ready(now: list[Pod], replicas: int) -> bool:
    return len(now) == replicas and all(pod.state == "ready" for pod in now)


def _until(change: Change, condition: Callable[[list[Pod]], bool]) -> None:
    change.history.wait(condition, "the pods to be as they were declared", 150, change.live.update)


def _pass(history: History, seconds: float, live: Live) -> None:
    until = history.now + seconds
    history.wait(lambda _: history.now >= until, "a moment", 60 + seconds, live.update)
