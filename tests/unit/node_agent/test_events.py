"""Events of a node: equal ones are counted, and an API server that refuses or is away stops none that come after."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress

import pytest
from node_agent.api import ApiError
from node_agent.kubelet import events
from node_agent.kubelet.events import Recorder

POD = {"metadata": {"name": "web-1", "namespace": "shop", "uid": "u-1", "labels": {}}}


class Api:
    """An API server that keeps events, or refuses what a test says."""

    def __init__(self) -> None:
        self.held: dict[str, dict] = {}
        self.refusals: list[Exception] = []

    async def create(self, path: str, body: dict) -> dict:
        if self.refusals:
            raise self.refusals.pop(0)
        self.held[f"{path}/{body['metadata']['name']}"] = body
        return body

    async def patch(self, path: str, change: dict) -> dict:
        if path not in self.held:
            raise ApiError(404, "not found")
        self.held[path] |= change
        return self.held[path]


def record(api: Api, *notes: tuple[str, str], **about: object) -> list[dict]:
    """The events after these reasons and messages were noted of a pod."""

    async def scenario() -> None:
        recorder = Recorder(api, "worker-1")
        for reason, message in notes:
            recorder.note(POD, reason, message, **about)
        running = asyncio.create_task(recorder.run())
        while not recorder._queue.empty():
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(scenario())
    return list(api.held.values())


def test_an_event_says_what_happened_to_whom_and_who_says_so():
    (event,) = record(Api(), ("Unhealthy", "Readiness probe failed"), warning=True, container="main")
    assert (event["reason"], event["message"], event["type"], event["count"]) == (
        "Unhealthy",
        "Readiness probe failed",
        "Warning",
        1,
    )
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "web-1",
        "namespace": "shop",
        "uid": "u-1",
        "fieldPath": "spec.containers{main}",
    }
    assert event["source"] == {"component": "kubelet", "host": "worker-1"}
    assert event["firstTimestamp"] == event["lastTimestamp"]


def test_equal_events_are_counted_and_others_are_not():
    found = record(Api(), ("Killing", "one"), ("Killing", "one"), ("Killing", "two"), ("Started", "one"))
    assert [(event["reason"], event["message"], event["count"]) for event in found] == [
        ("Killing", "one", 2),
        ("Killing", "two", 1),
        ("Started", "one", 1),
    ]
    assert {event["type"] for event in found} == {"Normal"}


def test_an_event_that_the_api_server_has_forgotten_is_written_anew():
    async def scenario() -> None:
        api = Api()
        recorder = Recorder(api, "worker-1")
        one = ({"name": "web-1", "namespace": "shop", "uid": "u-1"}, "Killing", "one", "Normal")
        await recorder._write(*one)
        api.held.clear()
        await recorder._write(*one)
        ((_, event),) = api.held.items()
        assert event["count"] == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(("status", "told"), [(403, False), (404, False), (422, True)])
def test_a_refusal_stops_nothing_and_is_told_unless_the_namespace_goes(
    status: int, told: bool, caplog: pytest.LogCaptureFixture
):
    api = Api()
    api.refusals = [ApiError(status, "no")]
    with caplog.at_level(logging.WARNING):
        found = record(api, ("Killing", "one"), ("Killing", "two"))
    assert [event["message"] for event in found] == ["two"]
    assert ("An event was refused: no" in caplog.text) == told


def test_a_long_message_is_cut():
    (event,) = record(Api(), ("Failed", "x" * 5_000))
    assert len(event["message"]) == 1024


def test_an_event_beyond_the_queue_is_left_out_and_told(caplog: pytest.LogCaptureFixture):
    recorder = Recorder(Api(), "worker-1")
    for number in range(1_001):
        recorder.note(POD, "Killing", str(number))
    assert caplog.messages == ["The queue is full; an event is dropped: Killing 1000"]


def test_the_memory_of_events_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "MOST_KEPT", 2)

    async def scenario() -> None:
        recorder = Recorder(Api(), "worker-1")
        for number in range(5):
            await recorder._write({"name": "a", "namespace": "b", "uid": "c"}, "Killing", str(number), "Normal")
        assert [key[-1] for key in recorder._written] == ["3", "4"]

    asyncio.run(scenario())


def test_the_time_is_written_as_the_api_writes_it():
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", events.now())
