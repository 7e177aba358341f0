"""The services on Kubernetes, the same for every backend: where they find what, their manifests, and when they are ready."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
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
LOOK_AGAIN = 5  # seconds after which a wait looks what is missing, and whether it is in vain


def folder(settings: Settings) -> Path:
    """The services' manifests, as this stack's cluster takes them."""
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
        inside: how pods reach Kafka; with the topics' names it becomes the ConfigMap `workshop`.
        secret: what of that nobody else may know; it becomes the Secret `workshop-kafka`, which pods see as files.

    Raises:
        WorkshopError: one does not become ready, with what Kubernetes says of its pods.
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


def as_delivered(settings: Settings) -> None:
    """Every deployment as its manifest says, whatever others added to it; waits until each is ready.

    Applying keeps what others added: an exercise's probe, a variable. Replacing does not. The manifests are written as they
    are, because `kubectl replace` alone reads first, and gives up if a deployment's controller notes something in between.
    """
    text = kubectl.kubectl(settings, "kustomize", str(folder(settings)))
    for manifest in yaml.safe_load_all(text):
        if manifest["kind"] == "Deployment":
            place = f"/apis/apps/v1/namespaces/{kubectl.namespace(settings)}/deployments/{manifest['metadata']['name']}"
            kubectl.kubectl(settings, "replace", "--raw", place, "-f", "-", data=json.dumps(manifest))
    for name in DEPLOYMENTS:
        ready(settings, name)


def program_files(settings: Settings) -> list[Path]:
    """What the services' program consists of: the files that infra/.dockerignore lets into their image."""
    infra = settings.root / "infra"
    patterns = [line[1:] for line in (infra / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    return sorted(path for pattern in patterns for path in infra.glob(pattern))


def _programs(settings: Settings) -> list[object]:
    """What runs in the pods: these very sources, or an image that the site gives."""
    site = kept(settings.state)
    return [site.image] if site else [*program_files(settings)]


def _objects(namespace: str, config: Mapping[str, str], secret: Mapping[str, str]) -> Iterator[dict]:
    about = {"namespace": namespace, "labels": LABELS}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG, **about}, "data": dict(config)}
    if secret:
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET, **about}, "stringData": dict(secret)}


def _version(settings: Settings, name: str) -> str:
    """By which an object as it is now is known; empty if there is none.

    Whoever changed it meanwhile counts: pods may have started with that. And a digest of what is secret would tell of it.
    """
    where = "jsonpath={.metadata.uid} {.metadata.resourceVersion}"
    return kubectl.kubectl(settings, "get", name, "--ignore-not-found", "-o", where)


def ready(settings: Settings, deployment: str, tell: Callable[[str], None] = nobody) -> None:
    """Wait until a deployment is as it was declared.

    Raises:
        WorkshopError: it is not in time.
    """
    wait_while_progressing(
        lambda: _look(settings, deployment),
        settings.patience,
        every=0,  # `rollout status` itself waits
        tell=tell,
        next_step=f"`kubectl describe pods -l app.kubernetes.io/name={deployment}` in `workshop shell` says why.",
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
    """In somebody else's cluster: an image that nodes cannot pull will not come by waiting."""
    if objects.kept(settings.state) is None:
        return None
    for status in (one for pod in pods for one in pod["status"].get("containerStatuses", [])):
        waiting = status["state"].get("waiting", {})
        if waiting.get("reason") in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
            return WorkshopError(
                f"The cluster cannot pull the services' image {status['image']}: {waiting['reason']}.",
                "Ask for the name under which it lies in a registry of the site, and set WORKSHOP_SERVICES_IMAGE.",
                waiting.get("message", ""),
            )
    return None
