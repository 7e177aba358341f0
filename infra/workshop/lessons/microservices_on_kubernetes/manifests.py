"""Manifests that the lesson reads: the learner's copy for `payments`, and the brokers' StatefulSet on kind."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from workshop.base.files import write_atomically
from workshop.base.settings import Settings
from workshop.notebook.connection import Connection
from workshop.notebook.deployments import APP
from workshop.stack.kubernetes import deploy
from workshop.stack.kubernetes.kubectl import apply, kubectl

BETWEEN = "---\n"  # separates the objects of a file
KINDS = ("Deployment", "PodDisruptionBudget", "Service")  # in the order of the file
BROKERS = "infra/deploy/kubernetes/kafka/brokers.yaml"


def own_copy(ws: Connection, replicas: int = 3) -> Path:
    """Write the learner's copy of the manifest of `payments`; return its path."""
    path = ws.settings.state / "lesson-07" / "payments.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = delivered(ws.settings)
    write_atomically(path, text.replace("\n  replicas: 2\n", f"\n  replicas: {replicas}\n"))
    return path


def reset(ws: Connection) -> None:
    """Put Service and budget of `payments` back to what `workshop up` delivers, also fields that somebody added."""
    objects = {one["kind"]: one for one in yaml.safe_load_all(delivered(ws.settings))}
    place = f"/api/v1/namespaces/{ws.namespace}/services/{APP}"
    kubectl(ws.settings, "replace", "--raw", place, "-f", "-", data=json.dumps(objects["Service"]))
    # A budget cannot be replaced without the version of the one that is there, which its controller changes at any moment.
    kubectl(ws.settings, "delete", "poddisruptionbudget", APP, "--ignore-not-found")
    apply(ws.settings, [objects["PodDisruptionBudget"]])


def delivered(settings: Settings) -> str:
    """Return the manifest of `payments` that `workshop up` applies.

    In an existing cluster it is the one adapted to the site, without comments.
    """
    base, folder = settings.root / deploy.SERVICES, deploy.folder(settings)
    if folder == base:
        return (base / f"{APP}.yaml").read_text(encoding="utf-8")
    objects = yaml.safe_load_all(kubectl(settings, "kustomize", str(folder)))
    ours = {one["kind"]: one for one in objects if one["metadata"]["name"] == APP}
    return BETWEEN.join(yaml.safe_dump(ours[kind], sort_keys=False) for kind in KINDS)


def brokers(ws: Connection) -> Path:
    """Return the manifest of the brokers on the backend kind."""
    return ws.settings.root / BROKERS
