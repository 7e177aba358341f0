"""The services on Kubernetes, the same for every backend: where they find what, their manifests, and when they are ready."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from workshop import kubectl, topics
from workshop.declared import digest, start_anew
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
    data = {**inside, **topics.NAMES}
    kubectl.apply(settings, [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}])
    kubectl.apply_folder(settings, SERVICES)
    now = digest(json.dumps(data, sort_keys=True), *program_files(settings))
    start_anew(settings, tuple(f"deployment/{name}" for name in DEPLOYMENTS), now)
    for name in DEPLOYMENTS:
        ready(settings, name)


def program_files(settings: Settings) -> list[Path]:
    """What the services' program consists of: the files that infra/.dockerignore lets into their image."""
    infra = settings.root / "infra"
    patterns = [line[1:] for line in (infra / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    return sorted(path for pattern in patterns for path in infra.glob(pattern))


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
