"""Pods of the workshop, read with the Kubernetes Python client: their node, state and history."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workshop.base.waiting import wait_until
from workshop.stack.kubernetes import background_build
from workshop.stack.kubernetes.explain import of_pods
from workshop.stack.kubernetes.kubectl import APP, namespace, namespace_of

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api, V1Pod

    from workshop.notebook.connection import Connection

STATES = ("ready", "not ready", "waiting", "leaving", "ended")


@dataclass(frozen=True)
class Pod:
    """A pod at one moment.

    Attributes:
        app: the deployment's name.
        state: one of `STATES`; `waiting` if no node has accepted the pod or its container cannot start.
        reason: why it waits, such as Unschedulable or ErrImagePull; else empty.
        restarts: the number of restarts of its container.
        release: the value of its environment variable RELEASE.
    """

    name: str
    app: str
    node: str
    state: str
    reason: str
    restarts: int
    release: str

    @property
    def short(self) -> str:
        """The last part of its name, which distinguishes it from the deployment's other pods."""
        return self.name.rsplit("-", 1)[-1]


def core(ws: Connection) -> CoreV1Api:
    """Return the Python client for pods, nodes and services; wait for Kubernetes while it is being built.

    Raises:
        WorkshopError: this stack has no Kubernetes, and none is being built.
    """
    from kubernetes import client, config

    if not ws.payments:
        background_build.wait(ws.settings)
    api = client.CoreV1Api(config.new_client_from_config(str(ws.settings.kubeconfig)))
    api.namespace = namespace(ws.settings)  # type: ignore[attr-defined]  # for `kubectl.namespace_of`
    return api


def pods(api: CoreV1Api, app: str | None = None) -> list[Pod]:
    """Return the pods of the workshop's namespace, or of one deployment, sorted by name."""
    selector = f"{APP}={app}" if app else APP
    found = api.list_namespaced_pod(namespace_of(api), label_selector=selector, _request_timeout=10).items
    return sorted((_seen(pod) for pod in found), key=lambda pod: pod.name)


def ready(api: CoreV1Api, app: str, count: int, timeout: float = 120) -> None:
    """Wait until a deployment has exactly this number of pods, and all of them are ready.

    Raises:
        WorkshopError: they are not ready in time; with the reasons that Kubernetes reports.
    """
    wait_until(
        lambda: [pod.state for pod in pods(api, app)] == ["ready"] * count,
        timeout,
        f"{count} ready pods of {app}",
        every=0.3,
        detail=lambda: of_pods(api, app),
    )


class History:
    """Recorder of the states of a deployment's pods over time, in a background thread."""

    def __init__(self, api: CoreV1Api, app: str, every: float = 0.2) -> None:
        """Args: every: seconds between two requests."""
        self.began = time.monotonic()
        self.seen: list[tuple[float, list[Pod]]] = []
        self._api, self._app, self._every = api, app, every
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pod history", daemon=True)

    def __enter__(self) -> History:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(30)

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def latest(self) -> list[Pod]:
        """The pods at the last request."""
        return self.seen[-1][1] if self.seen else []

    def wait(
        self,
        condition: Callable[[list[Pod]], bool],
        what: str,
        timeout: float = 120,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """Wait until the latest pods fulfil a condition; `meanwhile` is called between two checks."""

        def fulfilled() -> bool:
            if meanwhile:
                meanwhile()
            return bool(self.seen) and condition(self.seen[-1][1])

        wait_until(fulfilled, timeout, what, every=0.1)

    def _watch(self) -> None:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        while not self._end.is_set():
            with suppress(
                ApiException, HTTPError, OSError
            ):  # the API server is unavailable for a moment; the picture has a gap then
                self.seen.append((self.now, pods(self._api, self._app)))
            self._end.wait(self._every)


def _seen(pod: V1Pod) -> Pod:
    assert pod.metadata  # the API server always sends these parts
    assert pod.metadata.name
    assert pod.spec
    assert pod.status
    statuses = pod.status.container_statuses or []
    state, reason = _state(pod)
    environment = {e.name: e.value or "" for c in pod.spec.containers for e in c.env or []}
    return Pod(
        name=pod.metadata.name,
        app=(pod.metadata.labels or {}).get(APP, ""),
        node=pod.spec.node_name or "",
        state=state,
        reason=reason,
        restarts=sum(status.restart_count for status in statuses),
        release=environment.get("RELEASE", "1"),
    )


def _state(pod: V1Pod) -> tuple[str, str]:
    assert pod.metadata  # the API server always sends these parts
    assert pod.status
    conditions = {c.type: c for c in pod.status.conditions or []}
    waiting = [s.state.waiting for s in pod.status.container_statuses or [] if s.state and s.state.waiting]
    if pod.metadata.deletion_timestamp:
        return "leaving", ""
    if pod.status.phase in ("Succeeded", "Failed"):
        return "ended", pod.status.reason or ""
    if "Ready" in conditions and conditions["Ready"].status == "True":
        return "ready", ""
    if "PodScheduled" in conditions and conditions["PodScheduled"].status == "False":
        return "waiting", conditions["PodScheduled"].reason or ""
    if waiting and waiting[0].reason not in ("ContainerCreating", "PodInitializing"):
        return "waiting", waiting[0].reason or ""
    return "not ready", ""
