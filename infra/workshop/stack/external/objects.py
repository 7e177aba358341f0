"""The workshop's objects in a participant's namespace: how they differ there, and how they are taken away again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from workshop.base.external_site import IMAGE, kept
from workshop.base.files import write_atomically
from workshop.base.settings import Settings
from workshop.stack.kubernetes import kubectl

LABEL = "app.kubernetes.io/part-of=workshop"
# An autoscaler comes by a lesson, without a label: it goes by its name.
KINDS = "deployments,services,poddisruptionbudgets,configmaps,secrets"
FOLDER = "services"
ENDED = ("--cascade=foreground", "--timeout=100s")  # with their pods, which write until they have left


def overlay(settings: Settings, base: Path) -> Path | None:
    """The manifests as this site's cluster takes them, made from the project's; nothing where they are taken as they are.

    The namespace is the participant's, the image one that the cluster can pull, and the Service takes no port of the nodes.
    """
    site = kept(settings.state)
    if site is None:
        return None
    folder = settings.state / "kubernetes" / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    inside = [{"op": "replace", "path": "/spec/type", "value": "ClusterIP"}]
    inside += [{"op": "remove", "path": "/spec/ports/0/nodePort"}]
    made = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": site.namespace,
        "resources": [os.path.relpath(base.resolve(), folder.resolve())],
        "images": [image(site.image)],
        "patches": [{"target": {"kind": "Service", "name": "payments"}, "patch": json.dumps(inside)}],
    }
    write_atomically(folder / "kustomization.yaml", json.dumps(made, indent=1))
    return folder


def image(name: str) -> dict[str, str]:
    """kustomize's words for an image that takes the place of the project's own. Pure."""
    base = IMAGE.split(":")[0]
    if "@" in name:
        plain, digest = name.split("@")
        return {"name": base, "newName": _without_tag(plain), "digest": digest}
    plain = _without_tag(name)
    tag = name.removeprefix(plain).removeprefix(":") or "latest"
    return {"name": base, "newName": plain, "newTag": tag}


def remove_all(settings: Settings) -> None:
    """Delete what is labelled as the workshop's in the participant's namespace, and the lessons' autoscaler; nothing else."""
    namespace = f"--namespace={kubectl.namespace(settings)}"
    kubectl.kubectl(settings, "delete", "horizontalpodautoscaler", "payments", "--ignore-not-found", namespace)
    kubectl.kubectl(settings, "delete", KINDS, "-l", LABEL, "--ignore-not-found", namespace, *ENDED)


def _without_tag(name: str) -> str:
    """A colon before the last slash is a port's."""
    head, slash, tail = name.rpartition("/")
    return f"{head}{slash}{tail.split(':')[0]}"
