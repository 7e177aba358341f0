"""Messages about what a starting cluster still lacks: API, node, broker's pod, broker's registration."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Generic, TypeVar

from workshop.base.errors import WorkshopError
from workshop.base.settings import NODES, Settings
from workshop.base.waiting import Seen, over
from workshop.kafka.probe import brokers_missing, registered_brokers
from workshop.stack.kubernetes import kubectl
from workshop.stack.kubernetes.kind import engine

T = TypeVar("T")

SELDOM = 3.0  # seconds between two calls that start a process


class Seldom(Generic[T]):
    """A function whose result is cached for `SELDOM` seconds, because a call is expensive."""

    _answer: T

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask, self._next = ask, 0.0

    def __call__(self) -> T:
        """Return the result, at most `SELDOM` seconds old."""
        if time.monotonic() >= self._next:
            self._answer = self._ask()
            self._next = time.monotonic() + SELDOM
        return self._answer


def api(settings: Settings, control_plane: str) -> Callable[[], Seen[bool]]:
    """Return a check that is complete when the API server reports that it is ready.

    Args:
        control_plane: the name of the control plane's container.
    """
    containers = Seldom(lambda: _running_in(control_plane))

    def look() -> Seen[bool]:
        try:
            kubectl.kubectl(settings, "get", "--raw", "/readyz", timeout=10)
            return over(True)
        except WorkshopError:
            return Seen(f"the Kubernetes API to answer (containers that run in its node: {containers()})")

    return look


def brokers(settings: Settings, kafka: Mapping) -> Callable[[], Seen[bool]]:
    """Return a check that is complete when three brokers are registered.

    Until then, its message names the nodes and pods that are not ready.
    """
    details = Seldom(lambda: _lagging(settings))

    def look() -> Seen[bool]:
        registered = registered_brokers(kafka)
        missing = [node for node in NODES if node not in registered]
        if not missing:
            return over(True)
        nodes, pods = details()
        return Seen(nodes or f"{brokers_missing(missing, 'registered')}: {pods}")

    return look


def _running_in(node: str) -> int:
    """Return the number of containers that run in a node; 0 while its containerd does not answer."""
    with suppress(WorkshopError):
        tasks = engine.docker("exec", node, "ctr", "--namespace=k8s.io", "tasks", "list", timeout=20)
        return sum("RUNNING" in line for line in tasks.splitlines())
    return 0


def _lagging(settings: Settings) -> tuple[str, str]:
    """Return the nodes that are not ready (or an empty string), and the states of the brokers' pods."""
    try:
        nodes = kubectl.get(settings, "nodes")["items"]
        pods = kubectl.get(settings, "pods", "-l", "app.kubernetes.io/name=kafka")["items"]
    except (WorkshopError, ValueError):
        return "", "the Kubernetes API does not answer"
    away = sorted(node["metadata"]["name"] for node in nodes if not _is_ready(node))
    text = f"{', '.join(away)} to be ready ({len(nodes) - len(away)} of {len(nodes)} nodes)"
    return (text if away else ""), kubectl.pods_in_words(pods)


def _is_ready(node: dict) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", []))
