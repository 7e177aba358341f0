"""When a node tells its status: as a kubelet, not again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from node_agent.api import ApiError
from node_agent.kubelet import node_registration
from node_agent.model import Config

READY = {"metadata": {"name": "worker-1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
UNKNOWN = {"metadata": {"name": "worker-1"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}


class ApiServer:
    """Has a node or not, and says what changes."""

    def __init__(self) -> None:
        self.node, self.told, self.created, self.signs, self.refuses = True, 0, 0, 0, 0
        self.news: asyncio.Queue[tuple[str, dict]] = asyncio.Queue()

    async def patch(self, path: str, body: dict) -> None:
        if "leases" in path:
            self.signs += 1
            return
        if self.refuses:
            self.refuses -= 1
            raise ApiError(500, "not now")
        if not self.node:
            raise ApiError(404, "no such node")
        assert path == "/api/v1/nodes/worker-1/status"
        assert {one["type"] for one in body["status"]["conditions"]} == set(node_registration.GOOD)
        self.told += 1

    async def create(self, path: str, body: dict) -> None:
        assert (path, body["metadata"]["name"]) == ("/api/v1/nodes", "worker-1")
        self.node, self.created = True, self.created + 1

    async def watch(self, path: str, **query: str) -> AsyncIterator[tuple[str, dict]]:
        assert query == {"fieldSelector": "metadata.name=worker-1"}
        yield "ADDED", READY
        yield "SYNCED", {}
        while True:
            yield await self.news.get()


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("RENEW", 0.01), ("LOOK", 0.01), ("RETRY", 0.01)):
        monkeypatch.setattr(node_registration, name, seconds)


def played(tmp_path: Path, play: Callable) -> ApiServer:
    async def run() -> ApiServer:
        (tmp_path / node_registration.images.TABLE).parent.mkdir(parents=True, exist_ok=True)
        config = Config("https://127.0.0.1:1", tmp_path, tmp_path, 20000, 1, 2, {})
        server = ApiServer()
        node = node_registration.Standing(config, "worker-1", 1, server)
        await node.register()
        work = asyncio.create_task(node.run())
        try:
            async with asyncio.timeout(60):
                await play(server, tmp_path / node_registration.images.TABLE)
        finally:
            work.cancel()
        return server

    return asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("fast")
def test_a_status_that_does_not_change_is_told_once_and_signs_of_life_go_on(tmp_path: Path) -> None:
    async def play(server: ApiServer, table: Path) -> None:
        await until(lambda: server.signs > 20)

    assert played(tmp_path, play).told == 1


@pytest.mark.usefixtures("fast")
def test_a_status_that_has_changed_is_told(tmp_path: Path) -> None:
    async def play(server: ApiServer, table: Path) -> None:
        table.write_text('["example/new:1"]\nprogram = "x"\n')
        await until(lambda: server.told == 2)
        seen = server.signs
        await until(lambda: server.signs > seen + 20)

    assert played(tmp_path, play).told == 2


def test_a_node_that_is_taken_for_lost_says_at_once_that_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_registration, "LOOK", 3600.0)

    async def play(server: ApiServer, table: Path) -> None:
        server.news.put_nowait(("MODIFIED", READY))
        server.news.put_nowait(("MODIFIED", UNKNOWN))
        await until(lambda: server.told == 2)

    assert played(tmp_path, play).created == 0


@pytest.mark.usefixtures("fast")
def test_a_node_that_somebody_deleted_is_created_again_even_if_the_first_try_is_refused(tmp_path: Path) -> None:
    async def play(server: ApiServer, table: Path) -> None:
        server.node, server.refuses = False, 1
        server.news.put_nowait(("DELETED", READY))
        await until(lambda: server.created == 1)

    assert played(tmp_path, play).node
