"""Manifests as data: pods with the workshop's image, their controllers, Services and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .programs import SERVER

Manifest = dict[str, Any]
IMAGE = "workshop/services:1"
NO_IMAGE = "registry.example.invalid/no:1"
PORT = 8080
STATE = "/state"  # mount path of the pod's emptyDir in all containers

VERSIONS = {
    **dict.fromkeys(("ConfigMap", "Event", "Namespace", "Node", "Pod", "Secret", "Service", "ServiceAccount"), "v1"),
    **dict.fromkeys(("DaemonSet", "Deployment", "StatefulSet"), "apps/v1"),
    **dict.fromkeys(("CronJob", "Job"), "batch/v1"),
    "EndpointSlice": "discovery.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
}


def thing(kind: str, name: str, **body: Any) -> Manifest:
    """Return the manifest of an object."""
    return {"apiVersion": VERSIONS[kind], "kind": kind, "metadata": {"name": name}, **body}


def shell(text: str) -> list[str]:
    """Return a command that runs a text in a shell."""
    return ["sh", "-c", text]


def python(text: str, *arguments: str) -> list[str]:
    """Return a command that runs a text in Python."""
    return ["python", "-c", text, *arguments]


IDLE = ["sleep", "3600"]


def container(
    command: list[str] | None = None, name: str = "main", mounts: Mapping[str, str] | None = None, **more: Any
) -> dict:
    """Return a container that runs a command.

    Args:
        mounts: the mount path of each volume; the pod's emptyDir is always mounted at `STATE`.
    """
    places = [{"name": volume, "mountPath": path} for volume, path in {"state": STATE, **(mounts or {})}.items()]
    about = {"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command or IDLE}
    return {**about, "volumeMounts": places, **more}


def server(**more: Any) -> dict:
    """Return an HTTP server that answers with its pod's name (`programs.SERVER`).

    It is ready unless `STATE/unready` exists.
    """
    own = env(POD_NAME=field("metadata.name"), POD_IP=field("status.podIP"))
    probe = {"httpGet": {"path": "/unready", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5}
    ports = [{"name": "http", "containerPort": PORT}]
    return container(python(SERVER), **{"env": own, "ports": ports, "readinessProbe": probe, **more})


def env(**values: str | dict) -> list[dict]:
    """Return variables: a text is a value, a dictionary is a `valueFrom`."""
    return [
        {"name": name, "value": value} if isinstance(value, str) else {"name": name, "valueFrom": value}
        for name, value in values.items()
    ]


def field(path: str) -> dict:
    """Return the source of a variable with a field of its pod."""
    return {"fieldRef": {"fieldPath": path}}


def pod_spec(*containers: dict, volumes: list[dict] | None = None, **spec: Any) -> dict:
    """Return the spec of a pod with a short grace period and an emptyDir of its own."""
    calm = {"terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False}
    own = [{"name": "state", "emptyDir": {}}]
    return {**calm, "containers": list(containers), "volumes": [*own, *(volumes or [])], **spec}


def pod(name: str, *containers: dict, labels: Mapping[str, str] | None = None, **spec: Any) -> Manifest:
    """Return a pod; without containers it sleeps for an hour."""
    made = thing("Pod", name, spec=pod_spec(*(containers or (container(),)), **spec))
    made["metadata"]["labels"] = {"app": name, **(labels or {})}
    return made


def template(app: str, *containers: dict, **spec: Any) -> dict:
    """Return the pod template of a controller."""
    return {"metadata": {"labels": {"app": app}}, "spec": pod_spec(*containers, **spec)}


def deployment(name: str, replicas: int, *containers: dict, more: Mapping[str, Any] | None = None, **spec: Any) -> dict:
    """Return a Deployment that starts a new pod before it stops an old one.

    Args:
        more: fields of the Deployment's spec.
        spec: fields of its pods' spec.
    """
    rolling = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    pods = {"selector": selector(name), "template": template(name, *containers, **spec)}
    return thing("Deployment", name, spec={"replicas": replicas, "strategy": rolling, **pods, **(more or {})})


def job(name: str, command: str, policy: str = "Never", **spec: Any) -> Manifest:
    """Return a Job whose pods run a command in a shell."""
    made = {"spec": pod_spec(container(shell(command)), restartPolicy=policy)}
    return thing("Job", name, spec={"template": made, **spec})


def selector(app: str) -> dict:
    """Return the selector of an app's pods."""
    return {"matchLabels": {"app": app}}


def service(name: str, app: str, **spec: Any) -> Manifest:
    """Return a Service for the servers of an app, on a port that does not require root."""
    return thing(
        "Service", name, spec={"selector": {"app": app}, "ports": [{"port": 8000, "targetPort": "http"}], **spec}
    )


def config_map(name: str, **data: str) -> Manifest:
    """Return a ConfigMap with these values."""
    return thing("ConfigMap", name, data=data)


def secret(name: str, **data: str) -> Manifest:
    """Return a Secret with these values."""
    return thing("Secret", name, stringData=data)


def apart(app: str) -> dict:
    """Return an affinity that places each pod of an app on a node of its own."""
    term = {"labelSelector": selector(app), "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
