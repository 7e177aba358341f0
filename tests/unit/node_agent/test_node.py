"""One node of the agent: addresses of its pods, loss of power, and pods that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from node_agent.kubelet import node as module
from node_agent.kubelet.node import FIRST_INDEX, LAST_INDEX, LOST, Node
from node_agent.model import Config


class Pod:
    """A pod whose programs are none."""

    def __init__(self, node: Node, manifest: dict, index: int) -> None:
        self.node, self.index = node, index
        self.uid = manifest["metadata"]["uid"]
        self.full_name = manifest["metadata"]["name"]
        self.manifests: list[dict] = []
        self.killed = self.leaving = self.node_leaves = False
        self.telling = SimpleNamespace(muted=False)
        self.stops: list[float] = []
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def update(self, manifest: dict) -> None:
        self.manifests.append(manifest)

    async def run(self) -> None:
        await self.end

    def kill(self) -> None:
        self.killed = True

    async def stop(self, seconds: float) -> None:
        self.stops.append(seconds)


class Api:
    """An API server whose changes of pods a test decides."""

    def __init__(self) -> None:
        self.changes: asyncio.Queue[tuple[str, dict]] = asyncio.Queue()

    async def watch(self, path: str, **query: str):
        assert (path, query) == ("/api/v1/pods", {"fieldSelector": "spec.nodeName=worker-1"})
        while True:
            yield await self.changes.get()


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr(module, "Pod", Pod)
    monkeypatch.setattr(module, "LOOK", 0.001)
    config = Config("https://127.0.0.1:16443", tmp_path, tmp_path, 20_000, 10_250, 4_443, {})
    made = Node(config, "worker-1", 1, Api(), lambda namespace: {}, list)

    class Standing:
        registered = 0

        async def register(self) -> None:
            self.registered += 1

        async def run(self) -> None:
            await asyncio.get_running_loop().create_future()

    made._standing = Standing()
    return made


def manifest(uid: str, address: str = "", **metadata: object) -> dict:
    return {"metadata": {"uid": uid, "name": uid, **metadata}, "status": {"podIP": address}}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


def test_each_pod_gets_the_next_address_and_keeps_the_one_that_it_had(node: Node):
    async def scenario() -> None:
        for uid in ("a", "b"):
            node._take(manifest(uid))
        node._take(manifest("back", node.pod_address(9)))
        node._take(manifest("foreign", "10.99.99.7"))
        node._take(manifest("taken", node.pod_address(9)))
        assert {uid: pod.index for uid, pod in node.pods.items()} == {
            "a": FIRST_INDEX,
            "b": FIRST_INDEX + 1,
            "back": 9,
            "foreign": FIRST_INDEX + 2,
            "taken": FIRST_INDEX + 3,
        }
        node.cut()

    asyncio.run(scenario())


def test_an_address_is_not_given_again_at_once(node: Node):
    async def scenario() -> None:
        node._take(manifest("a"))
        node.pods.clear()
        node._take(manifest("b"))
        assert node.pods["b"].index == FIRST_INDEX + 1
        node.cut()

    asyncio.run(scenario())


def test_a_pod_beyond_all_addresses_is_left_out_and_told(node: Node, caplog: pytest.LogCaptureFixture):
    async def scenario() -> None:
        count = LAST_INDEX - FIRST_INDEX + 1
        for number in range(count + 1):
            node._take(manifest(f"pod-{number}"))
        assert sorted(pod.index for pod in node.pods.values()) == list(range(FIRST_INDEX, LAST_INDEX + 1))
        assert f"worker-1 has no address left for pod-{count}" in caplog.text
        node.cut()

    asyncio.run(scenario())


def test_a_pod_that_is_deleted_at_once_is_told_to_leave_at_once(node: Node):
    async def scenario() -> None:
        running = asyncio.create_task(node.run())
        await node.api.changes.put(("ADDED", manifest("a")))
        await until(lambda: node.pods)
        pod = node.pods["a"]
        await node.api.changes.put(("DELETED", manifest("a")))
        await node.api.changes.put(("DELETED", manifest("unknown")))
        await until(lambda: len(pod.manifests) == 2)
        assert pod.manifests[-1]["metadata"]["deletionGracePeriodSeconds"] == 0
        assert pod.manifests[-1]["metadata"]["deletionTimestamp"]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())


def test_a_pod_that_has_ended_is_forgotten_also_after_a_defect(node: Node, caplog: pytest.LogCaptureFixture):
    async def scenario() -> None:
        for uid in ("good", "bad"):
            node._take(manifest(uid))
        node.pods["good"].end.set_result(None)
        node.pods["bad"].end.set_exception(ZeroDivisionError("a defect"))
        await until(lambda: not node.pods)
        assert not node._tasks
        assert "The pod bad could not be run." in caplog.text

    asyncio.run(scenario())


def test_a_node_that_is_lost_ends_its_pods_and_registers_anew_when_it_is_back(node: Node):
    async def scenario() -> None:
        running = asyncio.create_task(node.run())
        await node.api.changes.put(("ADDED", manifest("a")))
        await until(lambda: node.pods)
        pod = node.pods["a"]
        (node.folder / LOST).touch()
        await until(lambda: pod.killed and not node.pods)
        assert node.lost
        assert not pod.leaving
        (node.folder / LOST).unlink()
        await until(lambda: node._standing.registered == 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())


def test_a_node_that_leaves_stops_its_pods_without_a_word_to_the_api_server(node: Node):
    async def scenario() -> None:
        node._take(manifest("a"))
        pod = node.pods["a"]
        await node.leave(3.0)
        assert pod.stops == [3.0]
        assert pod.leaving
        assert pod.node_leaves
        assert pod.telling.muted
        node.cut()

    asyncio.run(scenario())


def test_programs_in_pods_find_the_api_server(node: Node):
    assert node.api_variables() == {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "16443",
        "KUBERNETES_SERVICE_PORT_HTTPS": "16443",
    }
