"""What happens around a running container: its hook, its probes, and its memory limit."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from node_agent.kubelet import container_lifecycle, probes


class Pod:
    """The pod of a container: it notes what it is told."""

    address = "127.0.0.1"

    def __init__(self) -> None:
        self.notes: list[tuple[str, str, bool]] = []
        self.changes = 0
        self.kept: list[asyncio.Task] = []

    def changed(self) -> None:
        self.changes += 1

    def note(self, reason: str, message: str, container: object = None, *, warning: bool = True) -> None:
        self.notes.append((reason, message, warning))

    def keep(self, task: asyncio.Task) -> None:
        self.kept.append(task)

    def grace(self, spec: dict, kind: str) -> float:
        return {"liveness": 7.0, "startup": 8.0, "": 9.0}[kind]


class Container:
    """A container whose program is real, or none."""

    def __init__(self, **spec: dict) -> None:
        self.name, self.spec, self.pod = "main", spec, Pod()
        self.ports: dict[str, int] = {}
        self.ready = self.has_started = False
        self.resources: dict = {}
        self.reason = ""
        self.pid: int | None = None
        self.stopped: list[float] = []

    def ended(self) -> bool:
        return bool(self.stopped)

    async def stop(self, grace: float) -> None:
        self.stopped.append(grace)


class Answers:
    """What probes find, by the probe's name in `exec`; the last answer stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of: dict[str, list[str]] = {}
        monkeypatch.setattr(probes, "ask", self.ask)

    async def ask(self, probe: dict, container: Container, ports: dict, address: str) -> str:
        await asyncio.sleep(0)
        waiting = self.of[probe["exec"]["command"][0]]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


def probe(name: str, failures: int = 1) -> dict:
    return {"exec": {"command": [name]}, "periodSeconds": 0.001, "failureThreshold": failures}


def attend(container: Container, until: Callable[[], bool]) -> None:
    """Attend a container until a condition holds, or nothing is left to do."""

    async def scenario() -> None:
        attending = asyncio.create_task(container_lifecycle.attend(container))
        async with asyncio.timeout(30):
            while not until():
                assert not attending.done() or not attending.exception()
                await asyncio.sleep(0.001)
        attending.cancel()
        with suppress(asyncio.CancelledError):
            await attending
        await asyncio.gather(*container.pod.kept)

    asyncio.run(scenario())


def test_a_container_without_probes_is_started_and_ready():
    container = Container()
    attend(container, lambda: container.ready)
    assert container.has_started
    assert container.pod.changes == 1
    assert container.stopped == []


def test_readiness_follows_its_probe_and_tells_changes_only(answers: Answers):
    answers.of["ready"] = ["no", "", "", "", "no"]
    container = Container(readinessProbe=probe("ready"))
    attend(container, lambda: container.pod.changes == 3)
    assert not container.ready
    assert ("Unhealthy", "Readiness probe failed: no", True) in container.pod.notes
    assert container.stopped == []


def test_a_container_that_is_not_alive_is_stopped_with_the_grace_of_that_probe(answers: Answers):
    answers.of["alive"] = ["", "dead"]
    container = Container(livenessProbe=probe("alive"))
    attend(container, lambda: bool(container.stopped))
    assert container.stopped == [7.0]
    assert container.pod.notes[-1] == ("Killing", "Container main failed liveness probe, will be restarted", False)


def test_other_probes_wait_for_the_startup_probe(answers: Answers):
    answers.of = {"up": ["no", "no", ""], "alive": [""]}
    container = Container(startupProbe=probe("up", failures=5), livenessProbe=probe("alive"))
    attend(container, lambda: container.has_started)
    assert [message for _, message, _ in container.pod.notes] == ["Startup probe failed: no"] * 2


def test_a_container_that_does_not_start_up_is_stopped(answers: Answers):
    answers.of = {"up": ["no"], "alive": [""]}
    container = Container(startupProbe=probe("up", failures=2), livenessProbe=probe("alive"))
    attend(container, lambda: bool(container.stopped))
    assert container.stopped == [8.0]
    assert not container.has_started


def test_a_post_start_hook_that_fails_ends_the_attempt(answers: Answers):
    answers.of["hook"] = ["exit code not 0"]
    container = Container(lifecycle={"postStart": {"exec": {"command": ["hook"]}}})
    attend(container, lambda: bool(container.stopped))
    assert container.stopped == [9.0]
    assert container.pod.notes == [("FailedPostStartHook", "PostStartHook failed: exit code not 0", True)]
    assert not container.has_started


def test_a_hook_that_sleeps_takes_no_longer_than_it_may():
    hook = {"sleep": {"seconds": 3_600}}
    assert asyncio.run(container_lifecycle.do(Container(), hook, 0.0)) == ""


def memory(container: Container, condition: Callable[[], Awaitable[bool]]) -> None:
    async def scenario() -> None:
        keeping = asyncio.create_task(container_lifecycle.keep_to_memory(container))
        async with asyncio.timeout(30):
            while not await condition():
                await asyncio.sleep(0.005)
        keeping.cancel()

    asyncio.run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("limit", "killed"), [("1Mi", True), ("10Gi", False)])
def test_a_program_that_holds_more_than_its_limit_is_killed(limit: str, killed: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(container_lifecycle, "LOOK", 0.01)
    container = Container()
    container.resources = {"limits": {"memory": limit}}
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as program:
        container.pid = program.pid
        looks: list[int] = []

        async def looked_often_enough() -> bool:
            looks.append(1)
            return program.poll() is not None if killed else len(looks) > 10

        memory(container, looked_often_enough)
        assert container.reason == ("OOMKilled" if killed else "")
        assert (program.poll() == -9) == killed
        program.kill()
