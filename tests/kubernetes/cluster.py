"""The running stack's Kubernetes, whichever backend it is of: its API in Python, `kubectl`, and its workers."""

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

Thing = Any  # an object of the API: its fields are attributes, named as in a manifest; one that is not there is None
REQUEST_TIMEOUT = 60  # seconds until an API that does not answer is given up
HOSTNAME = "kubernetes.io/hostname"


class Cluster:
    """The API of the running stack, and what concerns its nodes."""

    def __init__(self, settings: Settings, discovered: Path) -> None:
        """Args: discovered: a file in which the Python client keeps what the API offers."""
        self.settings = settings
        self.spaces: list[str] = []  # the namespaces that were made here
        self.client: ApiClient = config.new_client_from_config(str(settings.kubeconfig))
        self._dynamic = DynamicClient(self.client, cache_file=str(discovered))

    def close(self) -> None:
        """Leave no connection open."""
        self.client.rest_client.pool_manager.clear()

    def kubectl(self, *said: str, data: str | None = None, timeout: float = 180) -> str:
        """What a user gets to see of `kubectl`; it raises a WorkshopError when it fails."""
        return words.kubectl(self.settings, *said, data=data, timeout=timeout)

    def kind(self, name: str) -> Any:
        """The client of one kind of object, such as Pod."""
        return self._dynamic.resources.get(api_version=VERSIONS[name], kind=name)

    def find(self, kind: str, name: str, namespace: str | None = None) -> Thing | None:
        """An object, or None if there is none of that name."""
        try:
            return self.kind(kind).get(name=name, namespace=namespace, _request_timeout=REQUEST_TIMEOUT)
        except NotFoundError:
            return None

    def workers(self) -> list[str]:
        """The nodes that take pods, by name; all of them are ready and none is cordoned."""
        nodes = self.kind("Node").get(_request_timeout=REQUEST_TIMEOUT).items
        free = [node for node in nodes if not node.spec.taints and not node.spec.unschedulable]
        return sorted(node.metadata.name for node in free)

    def on(self, node: str) -> dict[str, str]:
        """The label by which a manifest's nodeSelector means one node."""
        return {HOSTNAME: self.find("Node", node).metadata.labels[HOSTNAME]}

    @contextmanager
    def cordoned(self, node: str) -> Iterator[None]:
        """Meanwhile the node takes no new pods."""
        self.kubectl("cordon", node)
        try:
            yield
        finally:
            self.uncordon(node)

    def uncordon(self, node: str) -> None:
        """The node takes pods again; a controller removes its taint a moment after the word."""
        self.kubectl("uncordon", node)
        wait_until(lambda: node in self.workers(), 60, f"{node} to take pods again", every=0.25)

    @contextmanager
    def tainted(self, node: str, key: str) -> Iterator[None]:
        """Meanwhile the node takes only pods that tolerate this."""
        self.kubectl("taint", "node", node, f"{key}=true:NoSchedule")
        try:
            yield
        finally:
            self.kubectl("taint", "node", node, f"{key}-")
