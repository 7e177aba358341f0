"""Changes of `payments` under load: payments flow, pods are watched, and a live picture shows both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from workshop.base.errors import WorkshopError
from workshop.base.pace import paced
from workshop.lessons.microservices_on_kubernetes.pictures import draw_lanes, draw_pods, draw_share
from workshop.load.traffic import Traffic
from workshop.notebook import pods
from workshop.notebook.connection import Connection
from workshop.notebook.deployments import APP, scale, workers
from workshop.notebook.live import Live
from workshop.notebook.pictures import Picture
from workshop.notebook.pods import History, Pod
from workshop.stack.external.ownership import not_ours
from workshop.stack.kubernetes.kubectl import APP as LABEL
from workshop.stack.kubernetes.kubectl import kubectl

RATE = 30.0  # payments per second
CALM = 2.0  # seconds before and after a change, to show the normal state
LONGEST = 150.0  # seconds for one step of a change
BROKEN = ("RELEASE=broken", "KAFKA_BOOTSTRAP=nowhere:9092")  # a release that looks for Kafka where there is none


@dataclass
class Change:
    """Observations of a change under load.

    Attributes:
        picture: draws the change, in one of the ways of `PICTURES`.
        nodes: the nodes' names, sorted by zone.
        marks: pairs of seconds since the load began and action.
    """

    traffic: Traffic
    history: History
    picture: Callable[[Change], Picture]
    nodes: list[str]
    marks: list[tuple[float, str]] = field(default_factory=list)
    live: Live = field(init=False, repr=False, compare=False)

    def mark(self, word: str) -> None:
        """Mark an action at this moment in the picture."""
        self.marks.append((self.history.now, word))

    def wait(self, condition: Callable[[list[Pod]], bool], what: str = "the pods to be as they were declared") -> None:
        """Wait until the pods fulfil a condition; the picture is updated meanwhile.

        Raises:
            WaitTimeout: they do not within `LONGEST` seconds.
        """
        self.history.wait(condition, what, LONGEST, self.live.update)

    def wait_for_release(self, release: str) -> None:
        """Wait until only pods of a release are left, and all are ready."""
        self.wait(lambda now: all_ready(now, len(now)) and {pod.release for pod in now} == {release})

    def wait_until_gone(self, name: str) -> None:
        """Wait until a pod is gone, and all others are ready."""
        self.wait(lambda now: name not in {pod.name for pod in now} and all_ready(now, len(now)))

    def wait_for_restart(self, pod: Pod) -> None:
        """Wait until a pod's container was started again, and all pods are ready."""
        self.wait(lambda now: any(p.name == pod.name and p.restarts > pod.restarts for p in now))
        self.wait(lambda now: all_ready(now, len(now)))

    def wait_until_moved(self, node: str) -> None:
        """Wait until no pod is on a node any more, and all are ready."""
        self.wait(lambda now: node not in {pod.node for pod in now} and all_ready(now, len(now)))

    def look_on(self, seconds: float) -> None:
        """Update the picture for some seconds."""
        until = self.history.now + seconds
        self.history.wait(lambda _: self.history.now >= until, "a moment", 60 + seconds, self.live.update)


# The ways to draw a change: answers by release, one lane per pod, pods by node.
PICTURES: dict[str, Callable[[Change], Picture]] = {
    "releases": lambda change: draw_share(list(change.traffic.answers), change.marks),
    "pods": lambda change: draw_lanes(list(change.history.seen), change.marks),
    "nodes": lambda change: draw_pods(change.nodes, change.history.latest),
}


@contextmanager
def under_load(ws: Connection, picture: str = "releases", rate: float = RATE) -> Iterator[Change]:
    """Send payments and watch the pods during the block, with a live picture; at the end, a still remains.

    Args:
        picture: `releases` (answers by release), `pods` (a lane per pod) or `nodes` (pods by node).
        rate: payments per second.
    """
    api = pods.core(ws)
    with History(api, APP) as history, Traffic(ws.payments, rate) as traffic:
        change = Change(traffic, history, PICTURES[picture], workers(api))
        change.live = Live(lambda: change.picture(change))
        change.look_on(paced(CALM))
        yield change
        change.look_on(paced(CALM))
    change.live.finish()


def roll_out(ws: Connection, release: str, rate: float = RATE) -> Change:
    """Roll out a new release under load; return when only its pods are left."""
    with under_load(ws, "releases", rate) as change:
        change.mark(f"release {release}")
        kubectl(ws.settings, "set", "env", f"deployment/{APP}", f"RELEASE={release}")
        change.wait_for_release(release)
    return change


def roll_back(ws: Connection) -> Change:
    """Run `kubectl rollout undo` under load."""
    before = {pod.release for pod in pods.pods(pods.core(ws), APP)}
    with under_load(ws, "releases") as change:
        change.mark("undo")
        undo(ws)
        change.wait(lambda now: all_ready(now, len(now)) and not before & {pod.release for pod in now})
    return change


def undo(ws: Connection) -> None:
    """Return to the release before, with `kubectl rollout undo`."""
    kubectl(ws.settings, "rollout", "undo", f"deployment/{APP}")


def start_broken_release(ws: Connection) -> None:
    """Roll out a release with a wrong address of Kafka; return at once."""
    kubectl(ws.settings, "set", "env", f"deployment/{APP}", *BROKEN)


def broken(now: list[Pod]) -> list[Pod]:
    """Return the pods of the broken release."""
    return [pod for pod in now if pod.release == "broken"]


def drain(ws: Connection, node: str, timeout: int = 60) -> str:
    """Drain the pods of `payments` from a node; return the result in the words of `kubectl drain`.

    Raises:
        WorkshopError: the nodes do not belong to this stack.
    """
    must_own_nodes(ws)
    words = ["drain", node, f"--pod-selector={LABEL}={APP}", "--delete-emptydir-data", "--ignore-daemonsets"]
    try:
        return kubectl(ws.settings, *words, f"--timeout={timeout}s", timeout=timeout + 30).strip()
    except WorkshopError as error:
        refusals = [line for line in error.detail.splitlines() if "Cannot evict" in line]
        return refusals[0] if refusals else error.detail


def drained(ws: Connection, replicas: int = 3) -> Change:
    """Drain a node under load, with several pods."""
    must_own_nodes(ws)
    scale(ws, replicas)
    api = pods.core(ws)
    pods.ready(api, APP, replicas)
    node = pods.pods(api, APP)[0].node
    with under_load(ws, "nodes") as change:
        change.mark("drain")
        drain(ws, node)
        change.wait(lambda now: all_ready(now, replicas) and node not in {pod.node for pod in now})
    kubectl(ws.settings, "uncordon", node)
    return change


def must_own_nodes(ws: Connection) -> None:
    """Raise an error if the nodes do not belong to this stack."""
    if not ws.nodes.ours:
        raise not_ours("No node is drained", "nodes")


def all_ready(now: list[Pod], replicas: int) -> bool:
    """Return whether there are exactly this number of pods, and all are ready."""
    return len(now) == replicas and all(pod.state == "ready" for pod in now)
