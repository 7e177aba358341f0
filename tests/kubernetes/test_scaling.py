"""Resource metrics in `kubectl top`, and autoscaling by them."""

from __future__ import annotations

import re
from contextlib import suppress

from workshop.base.errors import WorkshopError

from .space import Space, condition


def top(space: Space) -> dict[str, int]:
    """Return the CPU usage in `kubectl top pods` in thousandths of a core, by pod.

    It is empty before the first measurement.
    """
    with suppress(WorkshopError):
        said = space.kubectl("top", "pods", "--no-headers")
        return {name: int(cpu) for name, cpu in re.findall(r"^(\S+)\s+(\d+)m\s+\d+Mi", said, re.MULTILINE)}
    return {}


def test_what_pods_and_nodes_take_can_be_seen(busy: Space):
    busy.wait(lambda: max(top(busy).values(), default=0) >= 20, "a pod that is seen to take 20 thousandths of a core")
    nodes = busy.cluster.kubectl("top", "nodes", "--no-headers")
    assert set(busy.cluster.workers()) <= {line.split()[0] for line in nodes.splitlines()}


def test_an_autoscaler_adds_a_pod_under_load(busy: Space):
    found = busy.status(
        "busy", "HorizontalPodAutoscaler", lambda it: it.status.desiredReplicas == 2, "to want two pods"
    )
    busy.ready("busy", 2)
    assert condition(found, "ScalingActive").status == "True"
    assert busy.read("Deployment", "busy").spec.replicas == 2
    assert busy.event("busy", "SuccessfulRescale", "cpu resource utilization")

    def measured() -> bool:
        current = busy.read("HorizontalPodAutoscaler", "busy").status.currentMetrics or []
        return any((metric.resource.current.averageUtilization or 0) > 50 for metric in current)

    busy.wait(measured, "the measured load to be told")
