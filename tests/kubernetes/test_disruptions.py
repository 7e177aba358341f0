"""Drain of a node: its pods are replaced on others, and their budget limits the concurrent evictions."""

from __future__ import annotations

import pytest
from kubernetes.client import ApiException, CoreV1Api

from .cluster import Thing
from .manifests import deployment, selector, server, thing
from .space import Space


def evict(space: Space, name: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    CoreV1Api(space.cluster.client).create_namespaced_pod_eviction(name, space.name, body, _request_timeout=60)


def budget(name: str, least: int) -> dict:
    return thing("PodDisruptionBudget", name, spec={"minAvailable": least, "selector": selector(name)})


def allows(space: Space, name: str, count: int, healthy: int) -> None:
    """Wait until the status of a budget has these numbers of allowed disruptions and healthy pods."""

    def look(found: Thing) -> bool:
        return found.status.currentHealthy == healthy and found.status.disruptionsAllowed == count

    space.status(name, "PodDisruptionBudget", look, f"to allow {count} disruptions")


def test_a_budget_refuses_an_eviction_that_it_cannot_afford(space: Space):
    space.create(deployment("web", 2, server()), budget("web", 2))
    one, _ = space.ready("web", 2)
    allows(space, "web", 0, 2)
    with pytest.raises(ApiException) as raised:
        evict(space, one.metadata.name)
    assert raised.value.status == 429
    assert "disruption budget" in raised.value.body
    assert not space.read("Pod", one.metadata.name).metadata.deletionTimestamp

    space.patch("PodDisruptionBudget", "web", {"spec": {"minAvailable": 1}})
    allows(space, "web", 1, 2)
    evict(space, one.metadata.name)
    space.gone("Pod", one.metadata.name)
    space.ready("web", 2)


def test_a_drained_nodes_pods_are_ready_elsewhere_and_the_node_is_left_alone(space: Space):
    app = f"drained-{space.name}"
    space.create(deployment(app, 3, server()), budget(app, 2))
    node = space.ready(app, 3)[0].spec.nodeName
    allows(space, app, 1, 3)
    options = (f"--pod-selector=app={app}", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
    try:
        said = space.cluster.kubectl("drain", node, *options)
        assert "drained" in said
        assert node not in {pod.spec.nodeName for pod in space.ready(app, 3)}
        assert node not in space.cluster.workers()
    finally:
        space.cluster.uncordon(node)
