"""Changes of the services' deployments, for lessons and the game day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workshop.base.errors import WorkshopError
from workshop.notebook import pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes import deploy, explain
from workshop.stack.kubernetes.kubectl import get, kubectl

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

APP = "payments"
FORBIDDEN = 403


def restore(ws: Connection) -> None:
    """Restore the delivered state of the services and uncordon all nodes, after any lesson or exercise."""
    if ws.nodes.ours:
        for node in workers(pods.core(ws)):
            kubectl(ws.settings, "uncordon", node)
    no_autoscaler(ws)
    deploy.as_delivered(ws.settings)


def no_autoscaler(ws: Connection) -> None:
    """Delete the autoscalers of the services, whatever their names; the number of pods stays as it is."""
    found = get(ws.settings, "horizontalpodautoscaler")["items"]
    targets = {one["metadata"]["name"]: one["spec"]["scaleTargetRef"]["name"] for one in found}
    if names := [name for name, target in targets.items() if {name, target} & {*deploy.DEPLOYMENTS}]:
        kubectl(ws.settings, "delete", "horizontalpodautoscaler", *names, "--ignore-not-found")


def workers(api: CoreV1Api) -> list[str]:
    """Return the nodes for the workshop's pods, sorted by zone.

    Without the right to list nodes, return the nodes of the running pods.
    """
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
    """Set the number of replicas of a deployment."""
    kubectl(ws.settings, "scale", f"deployment/{app}", f"--replicas={replicas}")


def change(ws: Connection, container: Mapping, app: str = APP) -> None:
    """Change a deployment's container and wait for the rollout; probes and hooks are replaced as a whole.

    Raises:
        WorkshopError: Kubernetes refuses the change, or the new pods do not become ready; with Kubernetes' own message.
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
    try:
        deploy.ready(ws.settings, app)  # a fixed time would be too short for several pods on a busy machine
    except WorkshopError:
        raise WorkshopError(
            f"With these settings a new pod of {app} does not become ready.",
            "Are the path and the port those at which the service answers?",
            explain.of_pods(pods.core(ws), app),
        ) from None


def listens(ws: Connection, name: str) -> bool:
    """Return whether the program in a pod answers at `/healthz`, asked from inside the pod."""
    code = "import os, urllib.request as u\nu.urlopen('http://' + os.environ['POD_IP'] + ':8080/healthz', timeout=3)"
    try:
        kubectl(ws.settings, "exec", name, "--", "python", "-c", code, timeout=30)
    except WorkshopError:
        return False
    return True


def post_to_pod(ws: Connection, name: str, path: str) -> None:
    """Send a POST to one pod instead of the service; the answer, if any, is ignored."""
    code = (
        "import os, urllib.request as u\n"
        f"r = u.Request('http://' + os.environ['POD_IP'] + ':8080{path}', method='POST')\n"
        "try: u.urlopen(r, timeout=3)\n"
        "except OSError: pass"
    )
    try:
        kubectl(ws.settings, "exec", name, "--", "python", "-c", code, timeout=30)
    except WorkshopError:
        return  # a crash of the program ends its container, and with it this call
