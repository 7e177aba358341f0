"""Scheduling: constraints that exclude nodes, and constraints that select them."""

from __future__ import annotations

import uuid

from .cluster import HOSTNAME, Thing
from .manifests import apart, container, deployment, pod
from .space import Space, condition


def scheduled(pod: Thing) -> str:
    """Return the pod's PodScheduled condition: True, or its reason."""
    said = condition(pod, "PodScheduled")
    return (said.reason or said.status) if said else ""


def held_back(space: Space, name: str, text: str) -> Thing:
    """Wait until the scheduler reports a pod as unschedulable, with this text."""

    def look(pod: Thing) -> bool:
        return scheduled(pod) == "Unschedulable" and text in condition(pod, "PodScheduled").message

    return space.status(name, "Pod", look, f"no node, because of: {text}")


def test_a_pod_that_asks_for_more_memory_than_there_is_waits_with_the_schedulers_reason(space: Space):
    space.create(pod("huge", container(resources={"requests": {"memory": "4000Gi"}})))
    found = held_back(space, "huge", "Insufficient memory")
    assert found.status.phase == "Pending"
    assert not found.spec.nodeName
    assert "Insufficient memory" in space.event("huge", "FailedScheduling").message


def test_a_pod_goes_to_the_node_that_it_names_or_selects(space: Space):
    workers = space.cluster.workers()
    space.create(
        *(pod(f"selects-{i}", nodeSelector=space.cluster.on(node)) for i, node in enumerate(workers)),
        pod("names", nodeName=workers[-1]),
        pod("nowhere", nodeSelector={HOSTNAME: "no-such-node"}),
    )
    assert [space.running(f"selects-{i}").spec.nodeName for i in range(len(workers))] == workers
    assert space.running("names").spec.nodeName == workers[-1]
    held_back(space, "nowhere", "node affinity/selector")


def test_pods_that_must_be_apart_take_a_node_each_and_one_too_many_waits(space: Space):
    workers = space.cluster.workers()
    space.create(deployment("apart", len(workers), container(), affinity=apart("apart")))
    found = space.ready("apart", len(workers))
    assert sorted(pod.spec.nodeName for pod in found) == workers
    space.kubectl("scale", "deployment/apart", f"--replicas={len(workers) + 1}")

    def one_waits() -> bool:
        return [scheduled(pod) for pod in space.all("Pod", "app=apart")].count("Unschedulable") == 1

    space.wait(one_waits, "one pod to find no node")
    assert [pod.spec.nodeName for pod in space.all("Pod", "app=apart")].count(None) == 1


def test_a_cordoned_node_takes_no_new_pod_until_it_is_uncordoned(space: Space):
    node = space.cluster.workers()[0]
    space.create(pod("before", nodeSelector=space.cluster.on(node)))
    space.running("before")
    with space.cluster.cordoned(node):
        assert "SchedulingDisabled" in space.cluster.kubectl("get", "node", node)
        space.create(pod("meanwhile", nodeSelector=space.cluster.on(node)))
        held_back(space, "meanwhile", "unschedulable")
        assert space.running("before")
    assert space.running("meanwhile").spec.nodeName == node


def test_a_taint_keeps_away_who_does_not_tolerate_it(space: Space):
    node, key = space.cluster.workers()[0], f"example.com/check-{uuid.uuid4().hex[:6]}"
    tolerant = [{"key": key, "operator": "Exists", "effect": "NoSchedule"}]
    with space.cluster.tainted(node, key):
        space.create(
            pod("tolerant", nodeSelector=space.cluster.on(node), tolerations=tolerant),
            pod("other", nodeSelector=space.cluster.on(node)),
        )
        held_back(space, "other", "untolerated taint")
        assert space.running("tolerant").spec.nodeName == node
    assert space.running("other").spec.nodeName == node
