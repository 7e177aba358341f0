"""Checks of lesson 07: they apply an answer to the running service and observe clients and pods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workshop.lessons.microservices_on_kubernetes import experiments as lesson
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import exercise, expect, unanswered
from workshop.notebook.live import Live
from workshop.notebook.pods import History
from workshop.stack.kubernetes.kubectl import namespace_of

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

FRAGILE = {"startupProbe": None, "readinessProbe": None, "livenessProbe": None, "lifecycle": None}
RATE = 40.0  # payments per second during a release
AWAY = 10.0  # seconds for which two of three brokers are frozen: a probe that depends on Kafka fails twice
PROBE_FIELDS = {"httpGet", "tcpSocket", "exec", "grpc"}


@exercise("07.1", "a release that nobody notices")
def quiet_release(ws: Connection, container: Any) -> str:
    """Replace the removed settings by the answer; no payment may fail during a release under load."""
    unanswered(container is None, observed="`container` is None", expected="a dictionary of the container's settings")
    expect(
        isinstance(container, Mapping),
        observed=f"`container` is a {type(container).__name__}",
        expected='a dictionary such as {"readinessProbe": {...}}',
    )
    _known(container)
    api = lesson.ensure(ws, replicas=2)
    with _restored(ws):
        deployments.change(ws, {**FRAGILE, **container})
        pods.ready(api, deployments.APP, 2)
        traffic = lesson.roll_out(ws, api, "next", RATE).traffic
    failed, sent = len(traffic.failed), len(traffic.answers)
    early = "readinessProbe" not in container and "startupProbe" not in container
    expect(
        not early,
        observed=f"{failed} of {sent} payments failed: pods got payments before their program listened",
        expected="payments only for pods that are ready for them",
        hint="how does Kubernetes know that a new pod can answer? The service says it at `/readyz`, on port 8080",
    )
    expect(
        "preStop" in (container.get("lifecycle") or {}),
        observed=f"{failed} of {sent} payments failed; nothing makes a pod that leaves wait for those who still send to it",
        expected="a pod that goes on answering until nobody sends to it any more",
        hint='endpoints are taken back *while* the process is told to end: {"preStop": {"sleep": {"seconds": 3}}}',
    )
    expect(
        not failed,
        observed=traffic.sentence(),
        expected="0 failed",
        hint="is the path right, and does the pause before the end last for some seconds?",
    )
    return f"a release under load: {sent} payments, 0 failed"


@exercise("07.2", "a liveness probe that cures, and does no harm")
def liveness(ws: Connection, probe: Any) -> str:
    """Freeze two brokers, which must not restart a pod; then let a program hang, which must restart it."""
    unanswered(probe is None, observed="`probe` is None", expected="a dictionary: a liveness probe, or {} for none")
    expect(
        isinstance(probe, Mapping) and (not probe or PROBE_FIELDS & set(probe)),
        observed=f"`probe` is {probe!r}",
        expected='a probe such as {"httpGet": {"path": ..., "port": 8080}}',
    )
    api = lesson.ensure(ws, replicas=2)
    with _restored(ws):
        deployments.change(ws, {"livenessProbe": dict(probe) or None})
        pods.ready(api, deployments.APP, 2)
        restarted = _restarts_without_kafka(ws, api)
        expect(
            not restarted,
            observed=f"two brokers did not answer for {AWAY:g} s, and {restarted} restarts of `payments` cured nothing",
            expected="0 restarts: the program is well, Kafka is not",
            hint="would a restart cure it? Ask the program about itself only; one of its three addresses does not ask Kafka",
        )
        pods.ready(api, deployments.APP, 2)
        seconds = _restarted_after_a_hang(ws, api)
    expect(
        seconds is not None,
        observed="a program hung, and its pod never came back",
        expected="a restart within half a minute",
        hint="a probe with `periodSeconds` and `failureThreshold` notices what hangs; is there one, and does it ask often?",
    )
    return f"no restart while Kafka was away; the program that hung was started again after {seconds:.0f} s"


def _known(container: Mapping) -> None:
    """Refuse unknown field names, which Kubernetes would drop silently."""
    from kubernetes.client import V1Container

    unknown = ", ".join(f"`{name}`" for name in container if name not in V1Container.attribute_map.values())
    expect(
        not unknown,
        observed=f"a container has no field {unknown}",
        expected="the names that a manifest has",
        hint="`kubectl explain deployment.spec.template.spec.containers` lists them",
    )


def _restarts_without_kafka(ws: Connection, api: CoreV1Api) -> int:
    """Count the kubelet's decisions to restart a pod; the restart itself follows after the grace period."""
    before = _condemned(api)
    with _watched(api) as (look, mark), ws.brokers.restored_afterwards():
        mark("two brokers freeze")
        for node in (1, 2):
            ws.brokers.pause(node)
        deadline = time.monotonic() + AWAY
        while time.monotonic() < deadline:
            look()
    return _condemned(api) - before


@contextmanager
def _watched(api: CoreV1Api) -> Iterator[tuple[Callable[[], None], Callable[[str], None]]]:
    """Draw the pods over time; yield a function that updates the picture, and one that marks a moment."""
    marks: list[tuple[float, str]] = []
    with History(api, deployments.APP) as history:
        live = Live(lambda: lesson.draw_lanes(list(history.seen), marks))

        def look() -> None:
            live.update()
            time.sleep(0.3)

        yield look, lambda word: marks.append((history.now, word))
    live.finish()


def _condemned(api: CoreV1Api) -> int:
    events = api.list_namespaced_event(namespace_of(api), field_selector="reason=Killing", _request_timeout=10).items
    ours = [event for event in events if (event.involved_object.name or "").startswith(f"{deployments.APP}-")]
    return sum(event.count or 1 for event in ours if "liveness" in (event.message or ""))


def _restarted_after_a_hang(ws: Connection, api: CoreV1Api, patience: float = 45) -> float | None:
    before, began = _restarts(api), time.monotonic()
    with _watched(api) as (look, mark):
        mark("a program hangs")
        deployments.post_to_pod(ws, pods.pods(api, deployments.APP)[0].name, "/admin/hang")
        while time.monotonic() < began + patience:
            look()
            if _restarts(api) > before:
                return time.monotonic() - began
    return None


def _restarts(api: CoreV1Api) -> int:
    return sum(pod.restarts for pod in pods.pods(api, deployments.APP))


@contextmanager
def _restored(ws: Connection) -> Iterator[None]:
    try:
        yield
    finally:
        deployments.restore(ws)
