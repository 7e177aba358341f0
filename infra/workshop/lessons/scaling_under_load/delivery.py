"""The services as lesson 08 needs them: a slow card network, a given number of replicas, and the manifest of a pipeline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from workshop.base.errors import WorkshopError
from workshop.lessons.scaling_under_load.observations import CALLS, SECONDS
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes import deploy, kubectl

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

APP = "payments"
NETWORK = {"CARD_NETWORK_CALLS": str(CALLS), "CARD_NETWORK_MS": f"{SECONDS * 1000:.0f}"}
MANIFEST = "payments.yaml"  # in the folder of the lesson


def ensure(ws: Connection) -> None:
    """Restore the delivered services, with a card network of 5 concurrent calls of 0.25 s and one replica.

    The kernel then works in a folder of this lesson, for the manifests that are written here.
    """
    api = pods.core(ws)  # waits for Kubernetes while it is being built
    deployments.restore(ws)
    set_replicas(ws, api, 1)  # before the change: pods of a rollout start one after the other
    deployments.change(ws, {"env": [{"name": name, "value": value} for name, value in NETWORK.items()]})
    pods.ready(api, APP, 1)
    os.chdir(folder(ws))


def restore(ws: Connection) -> None:
    """Restore the delivered services and delete the autoscaler."""
    deployments.restore(ws)


def folder(ws: Connection) -> Path:
    """Return the folder for the manifests of this lesson."""
    found = ws.settings.state / "home" / "lesson-08"
    found.mkdir(parents=True, exist_ok=True)
    return found


def set_replicas(ws: Connection, api: CoreV1Api, count: int, app: str = APP) -> None:
    """Set the number of replicas, and wait until they are ready."""
    deployments.scale(ws, count, app)
    pods.ready(api, app, count)


def settled(ws: Connection, api: CoreV1Api, app: str = APP) -> int:
    """Wait until a deployment has exactly the pods that it declares, and return their number.

    Raises:
        WorkshopError: it declares none, or they do not become ready.
    """
    count = kubectl.get(ws.settings, f"deployment/{app}")["spec"]["replicas"]
    if not count:
        raise WorkshopError(
            f"The deployment {app} has no replica.", f"`kubectl scale deployment {app} --replicas=1` starts one."
        )
    pods.ready(api, app, count)
    return count


def expect_slow_network(ws: Connection) -> None:
    """Refuse to measure with another card network than the lesson's.

    Raises:
        WorkshopError: the services are as delivered, for example after the last cell.
    """
    if _network(ws) != NETWORK:
        raise WorkshopError(
            "The card network has its usual speed: the services are not set up for this lesson.",
            "Run the first cell of this lesson, then this cell again.",
        )


def write_manifest(ws: Connection, replicas: int = 2) -> None:
    """Write `payments.yaml`, the deployment as a pipeline has it, and record it as applied by `kubectl apply`.

    The record is the annotation that a client-side `kubectl apply` leaves. Without it, the first apply would warn.
    """
    text = kubectl.kubectl(ws.settings, "kustomize", str(deploy.folder(ws.settings)))
    manifest = next(one for one in yaml.safe_load_all(text) if _is_deployment(one))
    manifest["spec"]["replicas"] = replicas
    for variable in manifest["spec"]["template"]["spec"]["containers"][0]["env"]:
        if variable["name"] in NETWORK:
            variable["value"] = NETWORK[variable["name"]]
    file = folder(ws) / MANIFEST
    file.write_text(yaml.safe_dump(manifest, sort_keys=False))
    kubectl.kubectl(ws.settings, "apply", "set-last-applied", "--create-annotation", "-f", str(file))


def _is_deployment(manifest: dict) -> bool:
    return manifest["kind"] == "Deployment" and manifest["metadata"]["name"] == APP


def _network(ws: Connection) -> dict[str, str]:
    """Return the settings of the card network in the deployment."""
    [container] = kubectl.get(ws.settings, f"deployment/{APP}")["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value", "") for one in container["env"] if one["name"] in NETWORK}
