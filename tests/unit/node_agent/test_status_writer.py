"""The writer of a pod's status: only changes are written, refusals are repeated, and the last word forgets the pod."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from node_agent.api import ApiError
from node_agent.kubelet import status_writer
from node_agent.kubelet.status_writer import Telling

PATH = "/api/v1/namespaces/shop/pods/web-1"


class Api:
    """An API server that notes what is written; each failure is raised once."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.patches: list[dict] = []
        self.deletions: list[tuple[str, dict]] = []

    async def patch(self, path: str, change: dict) -> None:
        assert path == f"{PATH}/status"
        if self.failures:
            raise self.failures.pop(0)
        self.patches.append(change)

    async def delete(self, path: str, options: dict) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.deletions.append((path, options))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(status_writer, "RETRY", 0.0)
    monkeypatch.setattr(status_writer, "PAUSE", 0.0)
    monkeypatch.setattr(status_writer.status, "of_pod", lambda pod: {"phase": pod.phase})
    return Api()


@pytest.fixture
def telling(api: Api) -> Telling:
    pod = SimpleNamespace(
        namespace="shop", name="web-1", uid="u-1", full_name="web-1_shop(u-1)", api=api, phase="Pending"
    )
    return Telling(pod)


def run_until(telling: Telling, api: Api, count: int) -> None:
    """Let the writer run until it has written so often."""

    async def scenario() -> None:
        telling.due.set()
        running = asyncio.create_task(telling.run())
        async with asyncio.timeout(30):
            while len(api.patches) < count:
                await asyncio.sleep(0)
        running.cancel()

    asyncio.run(scenario())


def test_a_status_is_written_once_and_again_when_it_has_changed(telling: Telling, api: Api):
    assert asyncio.run(telling._write())
    assert asyncio.run(telling._write())
    telling._pod.phase = "Running"
    assert asyncio.run(telling._write())
    assert [one["status"] for one in api.patches] == [{"phase": "Pending"}, {"phase": "Running"}]
    assert {one["metadata"]["uid"] for one in api.patches} == {"u-1"}


@pytest.mark.parametrize("failure", [ApiError(500, "busy"), ConnectionResetError(), TimeoutError()])
def test_a_write_that_failed_is_repeated(telling: Telling, api: Api, failure: Exception):
    api.failures = [failure] * 2
    run_until(telling, api, 1)
    assert telling.told == {"phase": "Pending"}


def test_a_pod_that_is_gone_or_replaced_is_not_written_again(telling: Telling, api: Api):
    for code, known in ((404, False), (409, True)):
        api.failures = [ApiError(code, "no")]
        assert asyncio.run(telling._write()) == known
        assert not telling.due.is_set()
    assert api.patches == []


def test_a_muted_writer_writes_nothing(telling: Telling, api: Api):
    telling.muted = True
    assert asyncio.run(telling._write())
    assert api.patches == []


def test_the_last_word_is_the_status_and_then_the_pod_is_forgotten_by_its_uid(telling: Telling, api: Api):
    asyncio.run(telling.last())
    assert len(api.patches) == 1
    ((path, options),) = api.deletions
    assert path == PATH
    assert (options["gracePeriodSeconds"], options["preconditions"]) == (0, {"uid": "u-1"})


def test_the_last_word_is_repeated_while_the_api_server_is_away(telling: Telling, api: Api):
    telling.told = {"phase": "Pending"}  # only the deletion is left
    api.failures = [ConnectionRefusedError(), ApiError(500, "busy")]
    asyncio.run(telling.last())
    assert len(api.deletions) == 1


@pytest.mark.parametrize("code", [404, 409])
def test_a_pod_that_somebody_else_deleted_needs_no_last_word(telling: Telling, api: Api, code: int):
    telling.told = {"phase": "Pending"}
    api.failures = [ApiError(code, "no")]
    asyncio.run(telling.last())
    assert api.deletions == []


def test_the_last_word_is_given_up_in_the_end(telling: Telling, api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(status_writer, "LONGEST", 0.0)
    asyncio.run(telling.last())
    assert api.deletions == []
