"""Deployment of the services on Kubernetes, for every backend: settings, manifests and readiness."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from workshop.base.errors import WorkshopError
from workshop.base.external_site import kept
from workshop.base.settings import Settings
from workshop.base.waiting import Seen, keep_trying, nobody, over, wait_while_progressing
from workshop.kafka import topics
from workshop.stack.external import objects
from workshop.stack.kubernetes import kubectl
from workshop.stack.kubernetes.restart_on_change import LABELS, digest, start_anew

SERVICES = "infra/deploy/kubernetes/services"
CONFIG, SECRET = "workshop", "workshop-kafka"
DEPLOYMENTS = ("payments", "debits", "fraud-alerts")
LOOK_AGAIN = 5  # seconds between checks of what is missing and whether it can still succeed


def folder(settings: Settings) -> Path:
    """Return the folder of the services' manifests, adapted to this stack's cluster."""
    base = settings.root / SERVICES
    return objects.overlay(settings, base) or base


def services(
    settings: Settings,
    inside: Mapping[str, str],
    secret: Mapping[str, str] | None = None,
    tell: Callable[[str], None] = nobody,
) -> None:
    """Apply the services, and wait until each is ready.

    Args:
        inside: the pods' settings for Kafka; with the topics' names they become the ConfigMap `workshop`.
        secret: the secret settings, which become the Secret `workshop-kafka`; pods mount them as files.

    Raises:
        WorkshopError: a service does not become ready; the detail lists its pods.
    """
    declare = keep_trying(
        lambda: _declare(settings, inside, secret or {}), kubectl.may_pass, "Kubernetes to take the services"
    )
    wait_while_progressing(declare, settings.patience, every=1, tell=tell, next_step=kubectl.ADVICE)
    for name in DEPLOYMENTS:
        ready(settings, name, tell)


def _declare(settings: Settings, inside: Mapping[str, str], secret: Mapping[str, str]) -> None:
    config = {**inside, **topics.NAMES}
    kubectl.apply(settings, [*_objects(kubectl.namespace(settings), config, secret)])
    kubectl.apply_folder(settings, folder(settings))
    told = [_version(settings, name) for name in (f"configmap/{CONFIG}", f"secret/{SECRET}")]
    now = digest(*told, *_programs(settings))
    start_anew(settings, tuple(f"deployment/{name}" for name in DEPLOYMENTS), now)


def as_delivered(settings: Settings, names: Sequence[str] = DEPLOYMENTS) -> None:
    """Reset deployments to their manifests, and wait until each is ready.

    `kubectl apply` would keep fields that others added, such as an exercise's probe or variable; replacing removes them. The
    manifests are sent as raw requests: a plain `kubectl replace` first reads the object, and fails if the deployment's
    controller updates it in between.
    """
    text = kubectl.kubectl(settings, "kustomize", str(folder(settings)))
    for manifest in yaml.safe_load_all(text):
        if manifest["kind"] == "Deployment" and manifest["metadata"]["name"] in names:
            place = f"/apis/apps/v1/namespaces/{kubectl.namespace(settings)}/deployments/{manifest['metadata']['name']}"
            kubectl.kubectl(settings, "replace", "--raw", place, "-f", "-", data=json.dumps(manifest))
    for name in names:
        ready(settings, name)


def program_files(settings: Settings) -> list[Path]:
    """Return the files of the services' image: those that infra/.dockerignore includes."""
    infra = settings.root / "infra"
    patterns = [line[1:] for line in (infra / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    return sorted(path for pattern in patterns for path in infra.glob(pattern))


def _programs(settings: Settings) -> list[object]:
    """Return what runs in the pods: the project's sources, or the site's image."""
    site = kept(settings.state)
    return [site.image] if site else [*program_files(settings)]


def _objects(namespace: str, config: Mapping[str, str], secret: Mapping[str, str]) -> Iterator[dict]:
    about = {"namespace": namespace, "labels": LABELS}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG, **about}, "data": dict(config)}
    if secret:
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET, **about}, "stringData": dict(secret)}


def _version(settings: Settings, name: str) -> str:
    """Return the uid and resource version of an object; empty if it does not exist.

    The version also changes when others modify the object, as pods may have started with that content. A digest of a Secret's
    content would reveal something about it.
    """
    where = "jsonpath={.metadata.uid} {.metadata.resourceVersion}"
    return kubectl.kubectl(settings, "get", name, "--ignore-not-found", "-o", where)


def ready(settings: Settings, deployment: str, tell: Callable[[str], None] = nobody) -> None:
    """Wait until the rollout of a deployment is complete.

    Raises:
        WorkshopError: it is not complete in time.
    """
    wait_while_progressing(
        lambda: _look(settings, deployment),
        settings.patience,
        every=0,  # `rollout status` itself waits
        tell=tell,
        next_step=f"`kubectl describe pods -l app.kubernetes.io/name={deployment}` in `workshop shell` shows why.",
        detail=lambda: _pods_as_text(settings, deployment),
    )


def _look(settings: Settings, deployment: str) -> Seen[bool]:
    words = ("rollout", "status", f"deployment/{deployment}", f"--timeout={LOOK_AGAIN}s")
    try:
        kubectl.kubectl(settings, *words, timeout=LOOK_AGAIN + 30)
        return over(True)
    except WorkshopError as error:
        missing = f"the service {deployment} to be ready"
        try:
            pods = kubectl.get(settings, "pods", "-l", f"app.kubernetes.io/name={deployment}")["items"]
        except WorkshopError as unheard:
            if kubectl.may_pass(unheard):
                return Seen(f"{missing} (the Kubernetes API does not answer)")
            raise
        if trouble := _no_image(settings, pods):
            raise trouble from error
        return Seen(f"{missing} ({kubectl.pods_in_words(pods)})")


def _pods_as_text(settings: Settings, deployment: str) -> str:
    with suppress(WorkshopError):
        return kubectl.kubectl(settings, "get", "pods", "-l", f"app.kubernetes.io/name={deployment}").strip()
    return ""


def _no_image(settings: Settings, pods: list[dict]) -> WorkshopError | None:
    """Return an error if nodes of an existing cluster cannot pull the image, which waiting does not fix."""
    if objects.kept(settings.state) is None:
        return None
    for status in (one for pod in pods for one in pod["status"].get("containerStatuses", [])):
        waiting = status["state"].get("waiting", {})
        if waiting.get("reason") in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
            return WorkshopError(
                f"The cluster cannot pull the services' image {status['image']}: {waiting['reason']}.",
                "Ask for its name in a registry of the site, and set WORKSHOP_SERVICES_IMAGE to it.",
                waiting.get("message", ""),
            )
    return None
