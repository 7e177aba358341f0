"""A good and a broken release as the check of exercise 1 sees them: which payments failed because of a pod."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from workshop.lessons.microservices_on_kubernetes import changes
from workshop.load.traffic import Answer, Traffic
from workshop.notebook import deployments
from workshop.notebook.connection import Connection
from workshop.notebook.deployments import APP
from workshop.notebook.pods import Pod
from workshop.stack.kubernetes.kubectl import APP as LABEL
from workshop.stack.kubernetes.kubectl import get, namespace_of

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

SLOW_KAFKA = "did not acknowledge"  # the service's answer when brokers are too slow: no pod and no probe is the cause
DEFAULT_PERIOD = 10  # seconds between two probes, if `periodSeconds` is missing
LONGEST = 60.0  # seconds for which a broken pod is observed at most
FAILING = 3.0  # seconds for which payments go to a broken pod that counts as ready


def blamed(traffic: Traffic) -> list[Answer]:
    """Return the payments that failed because of a pod: not connected, cut off, or refused by one that is not ready."""
    return [answer for answer in traffic.failed if SLOW_KAFKA not in answer.said]


def broken_release(ws: Connection, rate: float) -> changes.Change:
    """Roll out a release that cannot find Kafka, under load, until Kubernetes has judged its first pod; then undo it.

    If the pod counts as ready, payments go to it for `FAILING` seconds.
    """
    with changes.under_load(ws, "pods", rate) as change:
        change.mark("broken release")
        changes.start_broken_release(ws)
        wait_for_verdict(ws, change)
        if any(map(_ready, changes.broken(change.history.latest))):
            change.look_on(FAILING)
        change.mark("undo")
        changes.undo(ws)
        change.wait(lambda now: not changes.broken(now) and changes.all_ready(now, len(now)))
    return change


def wait_for_verdict(ws: Connection, change: changes.Change) -> None:
    """Wait until a pod of the broken release has been judged: its program listens, and its probes have asked it."""

    def listens(now: list[Pod]) -> bool:
        return any(deployments.listens(ws, pod.name) for pod in changes.broken(now))

    change.wait(listens, "a pod of the broken release to listen")
    until = change.history.now + observed_for(_container(ws))
    change.wait(lambda now: change.history.now >= until or any(map(_ready, changes.broken(now))), "a verdict")


def observed_for(container: dict) -> float:
    """Return the seconds within which the probes of a container have asked it at least once; pure."""
    probes = [container[name] for name in ("startupProbe", "readinessProbe") if container.get(name)]
    each = [
        probe.get("initialDelaySeconds", 0)
        + probe.get("periodSeconds", DEFAULT_PERIOD)
        + probe.get("timeoutSeconds", 1)
        for probe in probes
    ]
    return min(LONGEST, 2.0 + sum(each))


def pause_of(api: CoreV1Api) -> float:
    """Return the seconds for which the pods of `payments` wait before SIGTERM, as their `preStop` hook says; 0 without."""
    found = api.list_namespaced_pod(namespace_of(api), label_selector=f"{LABEL}={APP}", _request_timeout=10).items
    hooks = [pod.spec.containers[0].lifecycle for pod in found if pod.spec]
    return min([_pause(hook.pre_stop if hook else None) for hook in hooks] or [0.0])


def _pause(hook: Any) -> float:
    """Return the seconds of a hook that sleeps; for another command, the number in it."""
    if hook is None:
        return 0.0
    if hook.sleep:
        return float(hook.sleep.seconds)
    numbers = re.findall(r"\d+(?:\.\d+)?", " ".join(hook._exec.command or [])) if hook._exec else []
    return float(numbers[-1]) if numbers else 0.0


def _container(ws: Connection) -> dict:
    return get(ws.settings, f"deployment/{APP}")["spec"]["template"]["spec"]["containers"][0]


def _ready(pod: Pod) -> bool:
    return pod.state == "ready"
