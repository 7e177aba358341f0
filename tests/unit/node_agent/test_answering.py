"""Whose program answers a probe: real listening sockets of this process, with a pod that owns it or not."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator

import pytest
from node_agent.kubelet import answering
from node_agent.kubelet.answering import Answering

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
REFUSED = "dial tcp: connect: connection refused"


class Pod:
    """A pod at 127.9.1.2, whose processes are this one or none."""

    address = "127.9.1.2"

    def __init__(self, owns: bool) -> None:
        self._owns = owns

    def owns(self, process: int) -> bool:
        return self._owns and process == os.getpid()

    def owner(self, process: int) -> str:
        return "the pod shop/other" if process == os.getpid() else ""


@pytest.fixture(params=["0.0.0.0"])  # noqa: S104
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port on which this process listens, at all addresses unless told otherwise."""
    with socket.create_server((request.param, 0)) as server:
        yield server.getsockname()[1]


def judged(pod: Pod, port: int | str, sentence: str = "", **ports: int) -> str:
    return asyncio.run(Answering(pod, {"tcpSocket": {"port": port}}, ports).judged(sentence))


def test_a_program_of_the_pod_answers_for_it(port: int):
    assert judged(Pod(owns=True), port) == ""


def test_a_stranger_that_took_the_port_everywhere_does_not_answer_for_the_pod(port: int):
    found = judged(Pod(owns=False), "http", http=port)
    assert found.startswith(f"port {port} is answered by ")
    assert "the pod shop/other" in found
    assert found.endswith(", not by this pod")


@pytest.mark.parametrize("port", [Pod.address], indirect=True)
def test_who_listens_at_the_pods_own_address_is_the_pod(port: int):
    assert judged(Pod(owns=False), port) == ""


@pytest.mark.parametrize("port", ["127.0.0.1"], indirect=True)
def test_a_refusal_tells_where_the_program_listens_instead(port: int):
    expected = f"{REFUSED} (its program listens at 127.0.0.1 only; a pod is asked at its own address, 127.9.1.2)"
    assert judged(Pod(owns=True), port, REFUSED) == expected
    assert judged(Pod(owns=False), port, REFUSED) == REFUSED


def test_another_failure_is_left_as_it_is(port: int):
    assert judged(Pod(owns=False), port, "HTTP probe failed with statuscode: 500") == (
        "HTTP probe failed with statuscode: 500"
    )


@pytest.mark.parametrize("probe", [{"exec": {"command": ["true"]}}, {"httpGet": {"port": 1, "host": "elsewhere"}}])
def test_a_probe_that_does_not_ask_the_pod_is_not_looked_at(probe: dict, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(answering.proc, "listeners", lambda: pytest.fail("looked"))
    assert asyncio.run(Answering(Pod(owns=False), probe, {}).judged("")) == ""


def test_a_program_that_answered_once_is_looked_at_again_after_a_refusal_only(
    port: int, monkeypatch: pytest.MonkeyPatch
):
    looks: list[int] = []
    listeners = answering.proc.listeners
    monkeypatch.setattr(answering.proc, "listeners", lambda: looks.append(1) or listeners())

    async def scenario() -> None:
        probe = Answering(Pod(owns=True), {"httpGet": {"port": port}}, {})
        for sentence, count in (("", 1), ("", 1), (REFUSED, 2), ("", 3), ("", 3)):
            await probe.judged(sentence)
            assert len(looks) == count

    asyncio.run(scenario())
