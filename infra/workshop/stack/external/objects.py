"""The workshop's objects in a participant's namespace: their kustomize overlay, and their removal."""

from __future__ import annotations

import json
import os
from pathlib import Path

from workshop.base.external_site import IMAGE, kept
from workshop.base.files import write_atomically
from workshop.base.settings import Settings
from workshop.stack.kubernetes import kubectl

LABEL = "app.kubernetes.io/part-of=workshop"
# A lesson creates an autoscaler without the label; it is deleted by its name.
KINDS = "deployments,services,poddisruptionbudgets,configmaps,secrets"
FOLDER = "services"
ENDED = ("--cascade=foreground", "--timeout=100s")  # with their pods, which write until they end


def overlay(settings: Settings, base: Path) -> Path | None:
    """Write a kustomization that adapts the manifests to an existing cluster; None for other backends.

    It sets the participant's namespace and an image that the cluster can pull, and removes the Service's node port.
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
    """Return the kustomize entry that replaces the project's image. Pure."""
    base = IMAGE.split(":")[0]
    if "@" in name:
        plain, digest = name.split("@")
        return {"name": base, "newName": _without_tag(plain), "digest": digest}
    plain = _without_tag(name)
    tag = name.removeprefix(plain).removeprefix(":") or "latest"
    return {"name": base, "newName": plain, "newTag": tag}


def remove_all(settings: Settings) -> None:
    """Delete the objects with the workshop's label, and the lessons' autoscaler, in the namespace."""
    namespace = f"--namespace={kubectl.namespace(settings)}"
    kubectl.kubectl(settings, "delete", "horizontalpodautoscaler", "payments", "--ignore-not-found", namespace)
    kubectl.kubectl(settings, "delete", KINDS, "-l", LABEL, "--ignore-not-found", namespace, *ENDED)


def _without_tag(name: str) -> str:
    """Return an image name without its tag; a colon before the last slash belongs to a port."""
    head, slash, tail = name.rpartition("/")
    return f"{head}{slash}{tail.split(':')[0]}"
