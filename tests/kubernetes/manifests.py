"""Manifests as data: pods of the workshop's image, and what stands around pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .programs import SERVER

Manifest = dict[str, Any]
IMAGE = "workshop/services:1"
NO_IMAGE = "registry.example.invalid/no:1"
PORT = 8080
STATE = "/state"  # where every container of a pod finds the pod's own empty folder

VERSIONS = {
    **dict.fromkeys(("ConfigMap", "Event", "Namespace", "Node", "Pod", "Secret", "Service", "ServiceAccount"), "v1"),
    **dict.fromkeys(("DaemonSet", "Deployment", "StatefulSet"), "apps/v1"),
    **dict.fromkeys(("CronJob", "Job"), "batch/v1"),
    "EndpointSlice": "discovery.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
}


def thing(kind: str, name: str, **body: Any) -> Manifest:
    """An object of the API."""
    return {"apiVersion": VERSIONS[kind], "kind": kind, "metadata": {"name": name}, **body}


def shell(text: str) -> list[str]:
    """A command that a shell runs."""
    return ["sh", "-c", text]


def python(text: str, *arguments: str) -> list[str]:
    """A command that Python runs."""
    return ["python", "-c", text, *arguments]


IDLE = ["sleep", "3600"]


def container(
    command: list[str] | None = None, name: str = "main", mounts: Mapping[str, str] | None = None, **more: Any
) -> dict:
    """A container that runs a command.

    Args:
        mounts: the path at which each volume appears; the pod's own folder is always at `STATE`.
    """
    places = [{"name": volume, "mountPath": path} for volume, path in {"state": STATE, **(mounts or {})}.items()]
    about = {"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command or IDLE}
    return {**about, "volumeMounts": places, **more}


def server(**more: Any) -> dict:
    """A container that answers HTTP with its pod's name, see `programs.SERVER`; ready unless `STATE` holds `unready`."""
    own = env(POD_NAME=field("metadata.name"), POD_IP=field("status.podIP"))
    probe = {"httpGet": {"path": "/unready", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5}
    ports = [{"name": "http", "containerPort": PORT}]
    return container(python(SERVER), **{"env": own, "ports": ports, "readinessProbe": probe, **more})


def env(**values: str | dict) -> list[dict]:
    """Variables: a text is a value, a dictionary says where the value is from."""
    return [
        {"name": name, "value": value} if isinstance(value, str) else {"name": name, "valueFrom": value}
        for name, value in values.items()
    ]


def field(path: str) -> dict:
    """Where a variable takes a field of its own pod from."""
    return {"fieldRef": {"fieldPath": path}}


def pod_spec(*containers: dict, volumes: list[dict] | None = None, **spec: Any) -> dict:
    """What pods and templates of pods have in common here: they leave soon, and hold a folder of their own."""
    calm = {"terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False}
    own = [{"name": "state", "emptyDir": {}}]
    return {**calm, "containers": list(containers), "volumes": [*own, *(volumes or [])], **spec}


def pod(name: str, *containers: dict, labels: Mapping[str, str] | None = None, **spec: Any) -> Manifest:
    """A pod; without containers it does nothing for an hour."""
    made = thing("Pod", name, spec=pod_spec(*(containers or (container(),)), **spec))
    made["metadata"]["labels"] = {"app": name, **(labels or {})}
    return made


def template(app: str, *containers: dict, **spec: Any) -> dict:
    """What a controller makes its pods of."""
    return {"metadata": {"labels": {"app": app}}, "spec": pod_spec(*containers, **spec)}


def deployment(name: str, replicas: int, *containers: dict, more: Mapping[str, Any] | None = None, **spec: Any) -> dict:
    """A Deployment that starts a new pod before it ends an old one.

    Args:
        more: fields of the Deployment's own spec; `spec` are those of its pods.
    """
    rolling = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    pods = {"selector": selector(name), "template": template(name, *containers, **spec)}
    return thing("Deployment", name, spec={"replicas": replicas, "strategy": rolling, **pods, **(more or {})})


def job(name: str, command: str, policy: str = "Never", **spec: Any) -> Manifest:
    """A Job whose pods run a command in a shell."""
    made = {"spec": pod_spec(container(shell(command)), restartPolicy=policy)}
    return thing("Job", name, spec={"template": made, **spec})


def selector(app: str) -> dict:
    """Which pods a controller owns."""
    return {"matchLabels": {"app": app}}


def service(name: str, app: str, **spec: Any) -> Manifest:
    """A Service before the servers of an app; on a port that is not for root alone."""
    return thing(
        "Service", name, spec={"selector": {"app": app}, "ports": [{"port": 8000, "targetPort": "http"}], **spec}
    )


def config_map(name: str, **data: str) -> Manifest:
    """A ConfigMap with these texts."""
    return thing("ConfigMap", name, data=data)


def secret(name: str, **data: str) -> Manifest:
    """A Secret with these texts."""
    return thing("Secret", name, stringData=data)


def apart(app: str) -> dict:
    """An affinity by which no two pods of an app are on one node."""
    term = {"labelSelector": selector(app), "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
