"""Autoscalers of `payments`: those in the cluster, and the one of the lesson."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from workshop.lessons.scaling_under_load import delivery
from workshop.lessons.scaling_under_load.delivery import APP
from workshop.lessons.scaling_under_load.observations import TARGET
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes import kubectl

MADE = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}


def manifest(least: int, most: int, target: int = TARGET) -> dict:
    """Return the manifest of section 4 with these bounds.

    Args:
        target: average CPU utilization, in percent of the CPU that a pod requests.
    """
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}
    return {
        **MADE,
        "metadata": {"name": APP},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": cpu}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}},
        },
    }


def autoscaler(ws: Connection, least: int, most: int, target: int = TARGET) -> None:
    """Create the autoscaler of the lesson with these bounds."""
    made = manifest(least, most, target)
    made["metadata"]["namespace"] = kubectl.namespace(ws.settings)
    kubectl.apply(ws.settings, [made])


@contextmanager
def trial(ws: Connection, given: dict) -> Iterator[None]:
    """Let a copy of an autoscaler work during the block, in place of all others; an applied one is then created again.

    A copy with a new name starts without the memory of its controller: with the default of 300 s, an earlier load would
    keep its replicas for minutes.
    """
    least, _ = bounds(given)
    copy = {**MADE, "metadata": {"name": f"{APP}-{uuid4().hex[:6]}"}, "spec": given["spec"]}
    original = {**copy, "metadata": _own(given["metadata"])} if "uid" in given["metadata"] else None
    deployments.no_autoscaler(ws)
    delivery.set_replicas(ws, pods.core(ws), least)
    try:
        _create(ws, copy)
        yield
    finally:
        deployments.no_autoscaler(ws)
        if original:
            _create(ws, original)


def _own(metadata: dict) -> dict:
    return {name: metadata[name] for name in ("name", "labels", "annotations") if name in metadata}


def _create(ws: Connection, made: dict) -> None:
    kubectl.kubectl(ws.settings, "create", "-f", "-", data=json.dumps(made))


def every(ws: Connection) -> list[dict]:
    """Return all autoscalers of the namespace."""
    return kubectl.get(ws.settings, "horizontalpodautoscaler")["items"]


def target_of(found: dict) -> str:
    """Return what an autoscaler scales, such as `deployment/payments`."""
    reference = found["spec"]["scaleTargetRef"]
    return f"{reference['kind'].lower()}/{reference['name']}"


def of_payments(found: list[dict]) -> list[dict]:
    """Return those autoscalers that scale the deployment `payments`."""
    return [one for one in found if target_of(one) == f"deployment/{APP}"]


def bounds(found: dict) -> tuple[int, int]:
    """Return the minimum and the maximum of an autoscaler."""
    return found["spec"].get("minReplicas", 1), found["spec"]["maxReplicas"]


def utilization(found: dict) -> int | None:
    """Return the CPU utilization that an autoscaler has read last, in percent of the request; None if it has none yet."""
    metrics = found.get("status", {}).get("currentMetrics") or []
    read = [one["resource"]["current"].get("averageUtilization") for one in metrics if one and "resource" in one]
    return read[0] if read else None


def reading(found: dict) -> str:
    """Return what an autoscaler has read last, in words."""
    percent = utilization(found)
    return "no metrics yet" if percent is None else f"a utilization of {percent} %"


def idle(found: dict) -> bool:
    """Return whether an autoscaler has its minimum and has read metrics that ask for no more."""
    status, (least, _) = found.get("status", {}), bounds(found)
    percent = utilization(found)
    at_least = status.get("desiredReplicas") == status.get("currentReplicas") == least
    return at_least and percent is not None and percent <= _goal(found)


def _goal(found: dict) -> int:
    goals = [one.get("resource", {}).get("target", {}).get("averageUtilization") for one in found["spec"]["metrics"]]
    return next((goal for goal in goals if goal), TARGET)


def trouble(found: dict) -> str:
    """Return why an autoscaler cannot work, as its status says; empty if it works."""
    wanted = {"AbleToScale": "True", "ScalingActive": "True"}
    conditions = found.get("status", {}).get("conditions", [])
    bad = [one for one in conditions if wanted.get(one["type"], one["status"]) != one["status"]]
    return "; ".join(f"{one['reason']}: {one['message']}" for one in bad)
