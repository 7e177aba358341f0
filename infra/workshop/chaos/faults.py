"""The faults by name: their injection and their repair, the same on every backend."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from kafka import KafkaProducer
from kafka.errors import KafkaError

from workshop.base.errors import WorkshopError
from workshop.base.waiting import wait_until
from workshop.kafka.replicas import followers_of, leader_of
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.stack.external.ownership import not_ours
from workshop.stack.kubernetes.kubectl import kubectl, namespace_of

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

T = TypeVar("T")

IMPATIENT = {"request_timeout_ms": 5_000, "delivery_timeout_ms": 20_000, "max_block_ms": 20_000}
REPLICAS = {"payments": 3, "debits": 2, "fraud-alerts": 1}
TOPIC = "payments"


@dataclass
class Site:
    """The target of the faults.

    Attributes:
        chance: the random generator that chooses the victims.
        poisoned: partition and offset of the unreadable records of this run.
        undo: actions that revert changes which the state of brokers, nodes and pods does not show.
    """

    ws: Connection
    api: CoreV1Api
    chance: random.Random
    poisoned: list[tuple[int, int]] = field(default_factory=list)
    undo: list[Callable[[], object]] = field(default_factory=list)

    def prepare(self) -> None:
        """Repair everything, restore the delivered services, and scale them so that one replica may fail.

        Raises:
            WorkshopError: the services do not become ready in time.
        """
        self.mend()
        deployments.restore(self.ws)
        for app, count in REPLICAS.items():
            deployments.scale(self.ws, count, app)
        self.settle()

    def mend(self) -> None:
        """Repair all faults: revert deployments, restore nodes, then resume or restart brokers.

        Nodes come first, because on kind each of them runs a broker.
        """
        while self.undo:
            self.undo.pop()()
        if "stopped" in self.ws.nodes.states().values():
            self.ws.nodes.restore()
        self.ws.brokers.restore()

    def settle(self, timeout: float = 150) -> None:
        """Wait until every replica of every service is ready, and no other pods are left.

        Raises:
            WorkshopError: they are not ready in time.
        """
        for app, count in REPLICAS.items():
            pods.ready(self.api, app, count, timeout)

    def restore(self) -> None:
        """Restore the state that `workshop up` produces."""
        self.mend()
        deployments.restore(self.ws)

    def some_pod(self, app: str) -> pods.Pod:
        """Return a random pod that is ready, or any pod if none is."""
        found = pods.pods(self.api, app)
        ready = [pod for pod in found if pod.state == "ready"]
        if not found:
            raise WorkshopError(f"There is no pod of {app}.", "`workshop up` repairs the stack.")
        return self.chance.choice(ready or found)

    def some_broker(self, numbers: Iterable[int] = (1, 2, 3)) -> int:
        """Return a random running broker, one of the given numbers if possible."""
        running = [number for number, state in self.ws.brokers.states().items() if state == "running"]
        return self.chance.choice([number for number in numbers if number in running] or running)


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        does: a sentence that describes it.
        lasts: seconds until it is repaired.
        begin: injects it; returns the victim in a word or two.
        breaks: `brokers` or `nodes`, if it breaks one of those.
    """

    name: str
    does: str
    lasts: float
    begin: Callable[[Site], str]
    breaks: str = ""


def _kill_a_broker(site: Site) -> str:
    number = site.some_broker()
    site.ws.brokers.kill(number)
    return f"broker {number}"


def _answer(ask: Callable[[], T]) -> T:
    """Return the answer of a broker; retry, because the broker that was asked may just have failed."""
    found: list[T] = []

    def answered() -> bool:
        with suppress(KafkaError):
            found.append(ask())
        return bool(found)

    wait_until(answered, 60, "a broker to say who leads", every=0.2)
    return found[0]


def _freeze_a_follower(site: Site) -> str:
    number = site.some_broker(_answer(lambda: followers_of(site.ws, TOPIC)))
    site.ws.brokers.pause(number)
    return f"broker {number}"


def _freeze_a_leader(site: Site) -> str:
    number = site.some_broker([_answer(lambda: leader_of(site.ws, TOPIC))])
    site.ws.brokers.pause(number)
    return f"broker {number}"


def _crash_payments(site: Site) -> str:
    pod = site.some_pod("payments")
    deployments.post_to_pod(site.ws, pod.name, "/admin/crash")
    return f"payments {pod.short}"


def _delete_payments(site: Site) -> str:
    pod = site.some_pod("payments")
    site.api.delete_namespaced_pod(pod.name, namespace_of(site.api))
    return f"payments {pod.short}"


def _kill_debits(site: Site) -> str:
    pod = site.some_pod("debits")
    site.api.delete_namespaced_pod(pod.name, namespace_of(site.api), grace_period_seconds=0)
    return f"debits {pod.short}"


def _lose_a_node(site: Site) -> str:
    node = site.some_pod("payments").node or site.chance.choice(deployments.workers(site.api))
    site.ws.nodes.lose(node)
    return node


def _poison(site: Site) -> str:
    """Write a payment with an amount as text into each partition."""
    about = {"type": "PaymentMade", "card": "card-poison", "terminal": "terminal-00001", "amount_cents": "12,50"}
    written = 0
    with closing(KafkaProducer(**site.ws.kafka, acks="all", **IMPATIENT)) as producer:
        for partition in range(3):
            value = json.dumps({**about, "at": "2018-06-12T10:00:00+00:00", "payment_id": uuid.uuid4().hex}).encode()
            try:
                place = producer.send(TOPIC, key=b"card-poison", value=value, partition=partition).get(timeout=25)
            except KafkaError:  # brokers are unavailable too: it is unknown whether the record was written
                continue
            site.poisoned.append((place.partition, place.offset))
            written += 1
    return f"{written} records"


def _release_what_is_broken(site: Site) -> str:
    """Deploy a release that looks for Kafka at a wrong address."""
    site.undo.append(lambda: kubectl(site.ws.settings, "rollout", "undo", "deployment/payments"))
    before = {pod.name for pod in pods.pods(site.api, "payments")}
    words = ("deployment/payments", "RELEASE=broken", "KAFKA_BOOTSTRAP=nowhere:9092")
    kubectl(site.ws.settings, "set", "env", *words)

    def new() -> set[str]:
        return {pod.name for pod in pods.pods(site.api, "payments")} - before

    wait_until(new, 60, "the new release's first pod", every=0.2)
    return "payments"


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("broker-killed", "A broker is killed (kill -9), and restarted after 5 s.", 5, _kill_a_broker, "brokers"),
        Fault(
            "follower-paused", "A broker that follows in `payments` freezes for 4 s.", 4, _freeze_a_follower, "brokers"
        ),
        Fault("leader-paused", "A broker that leads in `payments` freezes for 4 s.", 4, _freeze_a_leader, "brokers"),
        Fault(
            "pod-crashed", "The program in a pod of `payments` exits, with its requests in flight.", 2, _crash_payments
        ),
        Fault("pod-deleted", "A pod of `payments` is deleted, with time to finish its requests.", 2, _delete_payments),
        Fault("debits-killed", "A pod of `debits` is killed in the middle of its work.", 2, _kill_debits),
        Fault(
            "node-lost", "A node loses power, with all pods on it; it returns after 16 s.", 16, _lose_a_node, "nodes"
        ),
        Fault("poison", "An unreadable record is written to each partition of `payments`.", 2, _poison),
        Fault(
            "broken-release",
            "A release of `payments` that cannot start is rolled out, and rolled back.",
            6,
            _release_what_is_broken,
        ),
    )
}


def parse(text: str) -> tuple[str, ...]:
    """Return the faults of one step: one name, or several at once, as `broker-killed+pod-crashed`.

    Raises:
        WorkshopError: a name is unknown, or occurs twice.
    """
    names = tuple(part.strip() for part in text.split("+"))
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        raise WorkshopError(f"There is no fault '{unknown[0]}'.", f"There are: {', '.join(FAULTS)}.")
    if len(set(names)) < len(names):
        raise WorkshopError(f"'{text}' names a fault twice.", "Name each fault once.")
    return names


def plan(seed: int) -> Iterable[tuple[str, ...]]:
    """Yield steps without end, reproducible by seed: single faults in random order, and pairs between."""
    chance = random.Random(seed)  # noqa: S311 (must be reproducible)
    while True:
        order = chance.sample(list(FAULTS), len(FAULTS))
        for number, name in enumerate(order, start=1):
            yield (name,)
            if number % 2 == 0:
                yield tuple(chance.sample(list(FAULTS), 2))


def begin(site: Site, names: Sequence[str]) -> list[str]:
    """Inject faults one right after the other; return the victims.

    Raises:
        WorkshopError: a fault would break brokers or nodes that do not belong to this stack; then none is injected.
    """
    must_be_ours(site.ws, names)
    return [FAULTS[name].begin(site) for name in names]


def must_be_ours(ws: Connection, names: Iterable[str]) -> None:
    """Check that these faults break only brokers and nodes of this stack.

    Raises:
        WorkshopError: the brokers or nodes are foreign.
    """
    for name in names:
        if FAULTS[name].breaks and not ws.brokers.ours:
            raise not_ours(f"The fault {name} does not begin", FAULTS[name].breaks)


def lasting(names: Sequence[str]) -> float:
    """Return the seconds after which simultaneous faults are repaired."""
    return max(FAULTS[name].lasts for name in names)


def seeded(ws: Connection, seed: int) -> Site:
    """Return a site whose victims follow from a seed; wait for Kubernetes while it is being built.

    Raises:
        WorkshopError: this stack has no Kubernetes, and none is being built.
    """
    return Site(ws, pods.core(ws), random.Random(seed))  # noqa: S311


def now() -> float:
    """Return the time of ledgers and marks: seconds since 1970, the same in every process."""
    return time.time()
