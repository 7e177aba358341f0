"""Restarts of `payments` by its liveness probe: of a pod that does not find Kafka, and of a program that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workshop.lessons.microservices_on_kubernetes import changes
from workshop.lessons.microservices_on_kubernetes.pictures import draw_lanes
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.notebook.deployments import APP
from workshop.notebook.live import Live
from workshop.notebook.pods import History, Pod
from workshop.stack.kubernetes.kubectl import APP as LABEL
from workshop.stack.kubernetes.kubectl import namespace_of

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api, V1Probe

MARGIN = 60.0  # seconds: a busy machine probes and reports late
LATE = 8.0  # seconds: the same for a single probe
WITHOUT_A_PROBE = 10.0  # seconds for which a program that hangs is watched, if nothing asks it
LONGEST = 150.0  # seconds until a pod has started


@dataclass(frozen=True)
class Timing:
    """The timing of a liveness probe, in seconds.

    Attributes:
        asked: within this time after the start, it has asked once.
        noticed: within this time, it has failed so often that Kubernetes restarts the container.
    """

    asked: float
    noticed: float


def timing(api: CoreV1Api) -> Timing | None:
    """Return the timing of the liveness probe of `payments`, as its pods have it; None without a probe."""
    found = api.list_namespaced_pod(namespace_of(api), label_selector=f"{LABEL}={APP}", _request_timeout=10).items
    probes = [pod.spec.containers[0].liveness_probe for pod in found if pod.spec]
    return _timing(probes[0]) if probes and probes[0] else None


def _timing(probe: V1Probe) -> Timing:
    period, failures = probe.period_seconds or 10, probe.failure_threshold or 3
    return Timing((probe.initial_delay_seconds or 0) + period + (probe.timeout_seconds or 1) + LATE, period * failures)


def without_kafka(ws: Connection, api: CoreV1Api, timing: Timing | None) -> int:
    """Start a pod that finds no Kafka; return how often its liveness probe had it restarted.

    If the probe fails at all, wait until Kubernetes restarts the pod; if not, the probe does not depend on Kafka.
    """
    before = _decisions(api)
    failed = _failures(api)
    with _Watched(api) as watched:
        watched.mark("a pod without Kafka")
        changes.start_broken_release(ws)
        watched.until(lambda now: _started(api, {pod.name for pod in changes.broken(now)}), LONGEST)
        if timing:
            watched.until(lambda now: _failures(api) > failed, timing.asked)
        if timing and _failures(api) > failed:
            watched.until(lambda now: _decisions(api) > before, timing.noticed + MARGIN)
        restarted = _decisions(api) - before
        watched.mark("undo")
        changes.undo(ws)
        watched.until(lambda now: not changes.broken(now) and changes.all_ready(now, len(now)), LONGEST)
    return restarted


def after_a_hang(ws: Connection, api: CoreV1Api, timing: Timing | None) -> float | None:
    """Let the program in a pod hang; return the seconds until Kubernetes decides to restart it, or None."""
    victim, before = pods.pods(api, APP)[0], _decisions(api)
    patience = timing.noticed + MARGIN if timing else WITHOUT_A_PROBE
    with _Watched(api) as watched:
        watched.mark("a program hangs")
        deployments.post_to_pod(ws, victim.name, "/admin/hang")
        began = watched.history.now
        if watched.until(lambda now: _decisions(api) > before, patience):
            return watched.history.now - began
    return None


class _Watched:
    """A live picture of the pods over time."""

    def __init__(self, api: CoreV1Api) -> None:
        self.history, self._marks = History(api, APP), list[tuple[float, str]]()

    def __enter__(self) -> _Watched:
        self.history.__enter__()
        self._live = Live(lambda: draw_lanes(list(self.history.seen), self._marks))
        return self

    def __exit__(self, *error: object) -> None:
        self.history.__exit__(*error)
        self._live.finish()

    def mark(self, word: str) -> None:
        self._marks.append((self.history.now, word))

    def until(self, condition: Callable[[list[Pod]], bool], seconds: float) -> bool:
        """Update the picture until a condition holds, at most for some seconds; return whether it holds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._live.update()
            if self.history.seen and condition(self.history.latest):
                return True
            time.sleep(0.3)
        return False


def _started(api: CoreV1Api, names: set[str]) -> bool:
    """Return whether the startup probe of one of these pods has succeeded, so that its liveness probe asks it."""
    found = api.list_namespaced_pod(namespace_of(api), label_selector=f"{LABEL}={APP}", _request_timeout=10).items
    ours = [pod for pod in found if pod.metadata and pod.metadata.name in names]
    statuses = [one for pod in ours if pod.status for one in pod.status.container_statuses or []]
    return any(one.started or one.restart_count for one in statuses)


def _decisions(api: CoreV1Api) -> int:
    """Count the decisions to restart a container of `payments`; the restart itself follows after the grace period."""
    return _count(api, "Killing", "liveness")


def _failures(api: CoreV1Api) -> int:
    """Count the failures of liveness probes of `payments`."""
    return _count(api, "Unhealthy", "liveness probe")


def _count(api: CoreV1Api, reason: str, word: str) -> int:
    found = api.list_namespaced_event(namespace_of(api), field_selector=f"reason={reason}", _request_timeout=10).items
    ours = [event for event in found if (event.involved_object.name or "").startswith(f"{APP}-")]
    return sum(event.count or 1 for event in ours if word in (event.message or "").lower())
