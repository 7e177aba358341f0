"""The running stack's Kubernetes, of any backend: its API in Python, `kubectl`, and its workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until
from workshop.stack.kubernetes import kubectl as words

from .manifests import VERSIONS

Thing = Any  # an object of the API: its fields are attributes, named as in a manifest; missing ones are None
REQUEST_TIMEOUT = 60  # seconds
HOSTNAME = "kubernetes.io/hostname"


class Cluster:
    """Client of the running stack's API, with helpers for nodes."""

    def __init__(self, settings: Settings, discovered: Path) -> None:
        """Args: discovered: the file in which the Python client caches the discovered resources."""
        self.settings = settings
        self.spaces: list[str] = []  # the namespaces that this run has created
        self.client: ApiClient = config.new_client_from_config(str(settings.kubeconfig))
        self._dynamic = DynamicClient(self.client, cache_file=str(discovered))

    def close(self) -> None:
        """Close all connections."""
        self.client.rest_client.pool_manager.clear()

    def kubectl(self, *said: str, data: str | None = None, timeout: float = 180) -> str:
        """Run `kubectl` and return its output.

        Raises:
            WorkshopError: it failed.
        """
        return words.kubectl(self.settings, *said, data=data, timeout=timeout)

    def kind(self, name: str) -> Any:
        """Return the client of a kind of object, such as Pod."""
        return self._dynamic.resources.get(api_version=VERSIONS[name], kind=name)

    def find(self, kind: str, name: str, namespace: str | None = None) -> Thing | None:
        """Return an object, or None if it does not exist."""
        try:
            return self.kind(kind).get(name=name, namespace=namespace, _request_timeout=REQUEST_TIMEOUT)
        except NotFoundError:
            return None

    def workers(self) -> list[str]:
        """Return the names of the schedulable nodes: without taints, and not cordoned."""
        nodes = self.kind("Node").get(_request_timeout=REQUEST_TIMEOUT).items
        free = [node for node in nodes if not node.spec.taints and not node.spec.unschedulable]
        return sorted(node.metadata.name for node in free)

    def on(self, node: str) -> dict[str, str]:
        """Return the label for the nodeSelector of a manifest that selects one node."""
        return {HOSTNAME: self.find("Node", node).metadata.labels[HOSTNAME]}

    @contextmanager
    def cordoned(self, node: str) -> Iterator[None]:
        """Cordon the node within the block."""
        self.kubectl("cordon", node)
        try:
            yield
        finally:
            self.uncordon(node)

    def uncordon(self, node: str) -> None:
        """Uncordon the node, and wait until a controller has removed its taint."""
        self.kubectl("uncordon", node)
        wait_until(lambda: node in self.workers(), 60, f"{node} to take pods again", every=0.25)

    @contextmanager
    def tainted(self, node: str, key: str) -> Iterator[None]:
        """Taint the node within the block, so that it only takes pods with a toleration."""
        self.kubectl("taint", "node", node, f"{key}=true:NoSchedule")
        try:
            yield
        finally:
            self.kubectl("taint", "node", node, f"{key}-")
