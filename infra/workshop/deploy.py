"""The services on Kubernetes, the same for every backend: where they find what, their manifests, and when they are ready."""

from __future__ import annotations

import json
from collections.abc import Mapping

from workshop import kubectl, topics
from workshop.errors import WorkshopError
from workshop.settings import Settings

SERVICES = "infra/kubernetes/services"
CONFIG = "workshop"
DEPLOYMENTS = ("payments", "debits", "fraud-alerts")
READY_TIMEOUT = 180  # seconds


def services(settings: Settings, inside: Mapping[str, str]) -> None:
    """Apply the services, and wait until each is ready.

    Args:
        inside: how pods reach Kafka; with the topics' names it becomes the ConfigMap `workshop`.

    Raises:
        WorkshopError: one does not become ready, with what Kubernetes says of its pods.
    """
    about = {"name": CONFIG, "namespace": kubectl.NAMESPACE}
    data, before = {**inside, **topics.NAMES}, _config(settings)
    kubectl.apply(settings, [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}])
    kubectl.apply_folder(settings, SERVICES)
    if before not in ({}, data):  # a container reads its variables when it starts, so those that run have the old ones
        kubectl.kubectl(settings, "rollout", "restart", *(f"deployment/{name}" for name in DEPLOYMENTS))
    for name in DEPLOYMENTS:
        ready(settings, name)


def _config(settings: Settings) -> dict[str, str]:
    """Where the services were told to find what; empty if nobody told them yet."""
    found = kubectl.kubectl(settings, "get", "configmap", CONFIG, "--ignore-not-found", "-o", "json")
    return json.loads(found)["data"] if found else {}


def ready(settings: Settings, deployment: str) -> None:
    """Wait until a deployment is as it was declared.

    Raises:
        WorkshopError: it is not in time.
    """
    words = ("rollout", "status", f"deployment/{deployment}", f"--timeout={READY_TIMEOUT}s")
    try:
        kubectl.kubectl(settings, *words, timeout=READY_TIMEOUT + 30)
    except WorkshopError as error:
        pods = kubectl.kubectl(settings, "get", "pods", "-l", f"app.kubernetes.io/name={deployment}")
        raise WorkshopError(
            f"The service {deployment} is not ready after {READY_TIMEOUT} s.",
            f"`kubectl describe pods -l app.kubernetes.io/name={deployment}` in `workshop shell` says why.",
            pods.strip(),
        ) from error
