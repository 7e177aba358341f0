"""In-place resize: what a node grants, declines, or lets wait, and what the pod's status tells of it. Real processes."""

from __future__ import annotations

import asyncio
import copy
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from node_agent.kubelet import resizing, status
from node_agent.kubelet.pod import Pod
from node_agent.processes import process_tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nodes without Docker are Linux'")
GIB = 1 << 30
Life = Callable[["Node"], Awaitable[None]]


class Node:
    """A node with pods that a test resizes; its machine has 2 cores and 4 GiB."""

    MARK, name, address, service_links = "WORKSHOP_NODE", "worker-1", "127.9.0.1", None

    def __init__(self, folder: Path) -> None:
        self.folder, self.api, self.config = folder, None, SimpleNamespace(root=folder)
        self.pods: dict[str, Pod] = {}
        self.noted: list[tuple[str, str]] = []
        self.events = SimpleNamespace(note=lambda thing, reason, said, **more: self.noted.append((reason, said)))

    def pods_here(self) -> list[Pod]:
        return list(self.pods.values())

    def pod_address(self, index: int) -> str:
        return f"10.244.1.{index}"

    def add(self, name: str, **resources: dict) -> Pod:
        """A pod whose container has these `requests` and `limits`, and may have a `resizePolicy`."""
        policy = resources.pop("resizePolicy", [])
        main = {"name": "main", "image": "x:1", "resources": resources, "resizePolicy": policy}
        about = {"name": name, "namespace": "here", "uid": name, "generation": 1}
        pod = Pod(self, {"metadata": about, "spec": {"containers": [main]}}, len(self.pods) + 2)
        pod.mains[0].state = {"running": {"startedAt": "t"}}
        self.pods[name] = pod
        return pod


def resized(pod: Pod, **resources: dict) -> None:
    """The API server has other resources for the pod's container."""
    manifest = copy.deepcopy(pod.manifest)
    manifest["metadata"]["generation"] += 1
    manifest["spec"]["containers"][0]["resources"] = resources
    pod.update(manifest)


def conditions(pod: Pod) -> dict[str, dict]:
    """The conditions that are written of a resize; as a patch, so that one that is over stands in it as deleted."""
    told = status.of_pod(pod)["conditions"]
    return {one["type"]: one for one in told if one["type"].startswith("PodResize")}


def granted(pod: Pod) -> dict:
    return status.of_pod(pod)["containerStatuses"][0]["resources"]


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resizing, "capacities", lambda: {"cpu": 2.0, "memory": 4.0 * GIB})
    monkeypatch.setattr(resizing, "RETRY", 0.02)


@pytest.fixture
def live(tmp_path: Path) -> Callable[[Life], None]:
    """Runs a test while all pods of a node follow their manifests."""

    async def run(life: Life) -> None:
        node = Node(tmp_path)
        works: list[asyncio.Task] = []
        add = node.add

        def following(*about: str, **resources: dict) -> Pod:
            pod = add(*about, **resources)
            works.append(asyncio.create_task(pod.resizing.run()))
            return pod

        node.add = following
        try:
            await life(node)
        finally:
            for work in works:
                work.cancel()
            for work in works:
                with suppress(asyncio.CancelledError):
                    await work

    return lambda life: asyncio.run(run(life))


def test_resources_stand_in_the_status_from_the_start(live) -> None:
    async def life(node: Node) -> None:
        told = status.of_pod(node.add("bare"))["containerStatuses"][0]
        assert (told["resources"], told["allocatedResources"]) == ({}, {})
        pod = node.add("one", requests={"cpu": "100m"}, limits={"memory": "64Mi"})
        told = status.of_pod(pod)["containerStatuses"][0]
        assert told["resources"] == {"requests": {"cpu": "100m"}, "limits": {"memory": "64Mi"}}
        assert told["allocatedResources"] == {"cpu": "100m"}
        assert conditions(pod) == {}

    live(life)


def test_what_there_is_room_for_is_granted(live) -> None:
    async def life(node: Node) -> None:
        pod = node.add("one", requests={"cpu": "1", "memory": "1Gi"}, limits={"memory": "1Gi"})
        wanted = {"requests": {"cpu": "2", "memory": "2Gi"}, "limits": {"memory": "2Gi"}}
        resized(pod, **wanted)
        await until(lambda: granted(pod) == wanted)
        assert conditions(pod) == {}
        assert status.of_pod(pod)["observedGeneration"] == 2
        assert ("ResizeCompleted", "Pod resize completed") in node.noted

    live(life)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"cpu": "2500m"}, "Node didn't have enough capacity: cpu, requested: 2500, capacity: 2000"),
        ({"memory": "5Gi"}, f"Node didn't have enough capacity: memory, requested: {5 * GIB}, capacity: {4 * GIB}"),
    ],
)
def test_more_than_the_machine_has_is_declined_until_it_is_taken_back(live, wanted: dict, said: str) -> None:
    async def life(node: Node) -> None:
        before = {"requests": {"cpu": "1"}}
        pod = node.add("one", **before)
        resized(pod, requests=wanted)
        await until(lambda: "PodResizePending" in conditions(pod))
        told = conditions(pod)["PodResizePending"]
        assert (told["status"], told["reason"], told["message"]) == ("True", "Infeasible", said)
        assert told["observedGeneration"] == 2
        assert granted(pod) == before
        assert ("ResizeInfeasible", f"Pod resize Infeasible: {said}") in node.noted
        pod.telling.told = status.of_pod(pod)
        resized(pod, **before)
        await until(lambda: not pod.resizing.conditions)
        assert conditions(pod)["PodResizePending"] == {"$patch": "delete", "type": "PodResizePending"}

    live(life)


def test_what_others_have_is_granted_when_they_have_gone(live) -> None:
    async def life(node: Node) -> None:
        node.add("other", requests={"cpu": "1"})
        pod = node.add("one", requests={"cpu": "500m"})
        wanted = {"requests": {"cpu": "1500m"}}
        resized(pod, **wanted)
        await until(lambda: "PodResizePending" in conditions(pod))
        told = conditions(pod)["PodResizePending"]
        assert told["reason"] == "Deferred"
        assert told["message"] == "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000"
        node.pods.pop("other")
        await until(lambda: granted(pod) == wanted)
        assert not pod.resizing.conditions

    live(life)


def test_a_limit_below_what_is_held_waits_and_ends_nothing(live) -> None:
    async def life(node: Node) -> None:
        before, wanted = {"limits": {"memory": "1Gi"}}, {"limits": {"memory": "8Mi"}}
        pod = node.add("one", **before)
        hold = (
            "held = b'x' * (32 << 20); print('held', flush=True); input(); del held; print('free', flush=True); input()"
        )
        pipes = {"stdin": -1, "stdout": -1}
        process = await process_tree.start(
            [sys.executable, "-I", "-S", "-c", hold], dict(os.environ), Path("/"), **pipes
        )
        pod.mains[0].pid = process.pid
        assert await process.stdout.readline() == b"held\n"
        resized(pod, **wanted)
        await until(lambda: "PodResizeInProgress" in conditions(pod))
        told = conditions(pod)["PodResizeInProgress"]
        assert told["reason"] == "Error"
        assert f"memory limit ({8 << 20}) below current usage" in told["message"]
        assert granted(pod) == before
        process.stdin.write(b"\n")
        await until(lambda: granted(pod) == wanted)
        assert process.returncode is None
        process.kill()
        await process.wait()

    live(life)


def test_only_a_resource_whose_change_needs_a_restart_restarts_the_container(live) -> None:
    async def life(node: Node) -> None:
        restart = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
        pod = node.add("one", requests={"cpu": "1", "memory": "1Gi"}, resizePolicy=restart)
        restarts: list[str] = []
        pod.mains[0].restart = lambda: restarts.append("restarted")
        resized(pod, requests={"cpu": "500m", "memory": "1Gi"})
        await until(lambda: granted(pod)["requests"]["cpu"] == "500m")
        assert restarts == []
        resized(pod, requests={"cpu": "500m", "memory": "2Gi"})
        await until(lambda: granted(pod)["requests"]["memory"] == "2Gi")
        assert restarts == ["restarted"]

    live(life)


def test_after_the_agent_was_away_what_it_had_granted_is_still_in_effect(live) -> None:
    async def life(node: Node) -> None:
        pod = node.add("one", requests={"cpu": "3"})
        pod.mains[0].recall({"name": "main", "resources": {"requests": {"cpu": "1"}}})
        await until(lambda: "PodResizePending" in conditions(pod))
        assert granted(pod) == {"requests": {"cpu": "1"}}

    live(life)
