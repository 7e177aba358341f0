"""A pod that was taken out of its Service: its owner, its labels, and the pods that serve instead of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workshop.base.errors import WorkshopError
from workshop.base.waiting import wait_until
from workshop.lessons.microservices_on_kubernetes.experiments import REPLICAS
from workshop.notebook import pods
from workshop.notebook.deployments import APP
from workshop.stack.kubernetes.kubectl import APP as LABEL
from workshop.stack.kubernetes.kubectl import namespace_of

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

GONE = 404
HASH = "pod-template-hash"  # the label with which a ReplicaSet distinguishes its pods from those of other releases
PATIENCE = 60.0  # seconds until the pods that replace it must be ready


def find(api: CoreV1Api, name: str) -> Any:
    """Return a pod; None if there is none with this name."""
    from kubernetes.client import ApiException

    try:
        return api.read_namespaced_pod(name, namespace_of(api), _request_timeout=10)
    except ApiException as error:
        if error.status != GONE:
            raise
        return None


def untouched(pod: Any) -> bool:
    """Return whether both the Service and the ReplicaSet still select a pod."""
    labels = pod.metadata.labels or {}
    return labels.get(LABEL) == APP and HASH in labels and owned(pod)


def owned(pod: Any) -> bool:
    """Return whether a ReplicaSet still counts a pod as its own."""
    return bool(pod.metadata.owner_references)


def others(api: CoreV1Api, name: str) -> list[str]:
    """Wait until enough other pods are ready, at most for `PATIENCE` seconds; return their names."""

    def ready() -> list[str]:
        found = [pod for pod in pods.pods(api, APP) if pod.name != name]
        return [pod.name for pod in found if pod.state == "ready"]

    try:
        return wait_until(lambda: ready() if len(ready()) >= REPLICAS else None, PATIENCE, "other pods", every=0.3)
    except WorkshopError:
        return ready()
