"""Changes of the services' deployments, as lessons and the game day make them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workshop.base.errors import WorkshopError
from workshop.notebook import pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes import deploy, explain
from workshop.stack.kubernetes.kubectl import kubectl

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

APP = "payments"
FORBIDDEN = 403
PATIENCE = 90  # seconds for which changed settings may bring no ready pod


def restore(ws: Connection) -> None:
    """The services as they are delivered, on nodes that take pods, whatever a lesson or an exercise left."""
    if ws.nodes.ours:
        for node in workers(pods.core(ws)):
            kubectl(ws.settings, "uncordon", node)
    no_autoscaler(ws)
    deploy.as_delivered(ws.settings)


def no_autoscaler(ws: Connection) -> None:
    """Take the services' autoscalers away; the pods that there are stay."""
    kubectl(ws.settings, "delete", "horizontalpodautoscaler", *deploy.DEPLOYMENTS, "--ignore-not-found")


def workers(api: CoreV1Api) -> list[str]:
    """The nodes that run the workshop's pods, in order of their zones; where one may not ask for nodes, those of its pods."""
    from kubernetes.client import ApiException

    zone = "topology.kubernetes.io/zone"
    try:
        about = [node.metadata for node in api.list_node().items if node.metadata]
        zones = {one.name: one.labels[zone] for one in about if one.name and one.labels and zone in one.labels}
    except ApiException as error:
        if error.status != FORBIDDEN:
            raise
        return sorted({pod.node for pod in pods.pods(api) if pod.node})
    return sorted(zones, key=lambda name: zones[name])


def scale(ws: Connection, replicas: int, app: str = APP) -> None:
    """Declare how many pods of a deployment there are to be."""
    kubectl(ws.settings, "scale", f"deployment/{app}", f"--replicas={replicas}")


def change(ws: Connection, container: Mapping, app: str = APP) -> None:
    """Change settings of a deployment's container, and wait until it has taken place; a probe or a hook is replaced whole.

    Raises:
        WorkshopError: Kubernetes refuses them, or the new pods do not become ready, with what it says of either.
    """
    whole = {name: {**value, "$patch": "replace"} for name, value in container.items() if isinstance(value, Mapping)}
    patch = {"spec": {"template": {"spec": {"containers": [{"name": app, **container, **whole}]}}}}
    try:
        kubectl(ws.settings, "patch", f"deployment/{app}", "--type=strategic", "--patch", json.dumps(patch))
    except WorkshopError as error:
        raise WorkshopError(
            "Kubernetes refuses these settings.",
            "`kubectl explain deployment.spec.template.spec.containers` says which fields there are.",
            error.detail,
        ) from None
    _taken_place(ws, app)


def _taken_place(ws: Connection, app: str) -> None:
    words = ("rollout", "status", f"deployment/{app}", f"--timeout={PATIENCE}s")
    try:
        kubectl(ws.settings, *words, timeout=PATIENCE + 30)
    except WorkshopError:
        raise WorkshopError(
            f"With these settings a new pod of {app} is not ready after {PATIENCE} s.",
            "Are the path and the port those at which the service answers?",
            explain.of_pods(pods.core(ws), app),
        ) from None


def post_to_pod(ws: Connection, name: str, path: str) -> None:
    """POST to one pod, not to the service; what it answers, if it does, is not of interest."""
    code = (
        "import os, urllib.request as u\n"
        f"r = u.Request('http://' + os.environ['POD_IP'] + ':8080{path}', method='POST')\n"
        "try: u.urlopen(r, timeout=3)\n"
        "except OSError: pass"
    )
    try:
        kubectl(ws.settings, "exec", name, "--", "python", "-c", code, timeout=30)
    except WorkshopError:
        return  # the program that crashed takes its container along, and so this call
