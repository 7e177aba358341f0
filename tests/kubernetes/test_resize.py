"""In-place resize: the resources of a running pod change, or a condition states the reason for a refusal."""

from __future__ import annotations

import json

from .cluster import Thing
from .manifests import container, pod, python
from .programs import GREEDY_WHEN_TOLD
from .space import Space, condition, container_of, restarts

REQUEST = ("requests", "cpu", "10m")
RESTART = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]


def resize(space: Space, name: str, **resources: dict) -> None:
    change = {"spec": {"containers": [{"name": "main", "resources": resources}]}}
    space.kubectl("patch", "pod", name, "--subresource=resize", f"--patch={json.dumps(change)}")


def has(found: Thing, kind: str, name: str, amount: str) -> bool:
    if not found.status.containerStatuses:
        return False  # its node has not reported a status yet
    resources = container_of(found).resources
    return bool(resources and resources[kind] and resources[kind][name] == amount)


def is_whole(found: Thing) -> bool:
    """Return whether no resize is pending or in progress for the pod's current generation."""
    open_ones = [condition(found, kind) for kind in ("PodResizePending", "PodResizeInProgress")]
    return not any(open_ones) and found.status.observedGeneration == found.metadata.generation


def test_a_raised_memory_limit_holds_without_a_restart(space: Space):
    bounded = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
    for name in ("raised", "left"):
        space.create(pod(name, container(python(GREEDY_WHEN_TOLD), resources=bounded), restartPolicy="Never"))
        assert has(
            space.status(name, "Pod", lambda found: has(found, "limits", "memory", "64Mi"), "its limit"), *REQUEST
        )
    resize(space, "raised", requests={"cpu": "20m"}, limits={"memory": "600Mi"})
    found = space.status("raised", "Pod", lambda found: has(found, "limits", "memory", "600Mi"), "its new limit")
    assert has(found, "requests", "cpu", "20m")
    space.status("raised", "Pod", is_whole, "its resize to be complete")
    for name in ("raised", "left"):
        space.exec(name, "touch", "/state/go")
    assert container_of(space.ended("left", "Failed")).state.terminated.reason == "OOMKilled"
    space.wait(lambda: space.exec("raised", "ls", "/state").split() == ["go", "held"], "the memory to be held")
    assert restarts(space.read("Pod", "raised")) == 0


def test_a_container_that_asks_for_it_is_started_again_with_its_new_limit(space: Space):
    bounded = {"limits": {"cpu": "100m", "memory": "64Mi"}}
    space.create(pod("restarted", container(resources=bounded, resizePolicy=RESTART)))
    space.running("restarted")
    resize(space, "restarted", requests={"memory": "128Mi"}, limits={"memory": "128Mi"})
    found = space.status(
        "restarted",
        "Pod",
        lambda found: restarts(found) == 1 and has(found, "limits", "memory", "128Mi") and is_whole(found),
        "to be started again, once, with its new limit",
    )
    assert container_of(found).lastState.terminated
    space.running("restarted")


def test_a_deferred_resize_is_granted_when_the_other_pods_are_gone(space: Space):
    node = space.cluster.workers()[0]
    cores = float(space.cluster.find("Node", node).status.allocatable.cpu)
    more_than_half = f"{int(cores * 550)}m"
    here = {"nodeSelector": space.cluster.on(node)}
    space.create(pod("large", container(resources={"requests": {"cpu": more_than_half}}), **here))
    space.create(pod("small", container(resources={"requests": {"cpu": "10m"}}), **here))
    for name in ("large", "small"):
        space.running(name)
    resize(space, "small", requests={"cpu": more_than_half})
    found = space.status("small", "Pod", lambda found: condition(found, "PodResizePending"), "its resize to be pending")
    told = condition(found, "PodResizePending")
    assert (told.status, told.reason) == ("True", "Deferred")
    assert "cpu" in told.message
    assert has(found, "requests", "cpu", "10m")
    space.delete("Pod", "large")
    granted = space.status("small", "Pod", lambda found: has(found, "requests", "cpu", more_than_half), "its resize")
    assert restarts(granted) == 0
    space.status("small", "Pod", is_whole, "its resize to be complete")
