"""The program that sends the load: how many payments, when it ends, and who does not pay meanwhile."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterable

import httpx
import pytest
from workshop.load import sender
from workshop.load.sender import Plan, Sender, Stage


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event is due at once."""

    async def due(ended: asyncio.Event, offsets: Iterable[float], began: float) -> AsyncIterator[int]:
        for number, _ in enumerate(offsets):
            if ended.is_set():
                return
            yield number
            for _ in range(50):  # the request is sent
                await asyncio.sleep(0)

    monkeypatch.setattr(sender.schedule, "on_time_until", due)


def sent(plan: Plan, *, answers: bool = True, leave: bool = False) -> int:
    """Return the number of requests of a plan; without answers, each request waits for the end of the stages."""
    requests: list[httpx.Request] = []

    async def scenario() -> None:
        left, gate = asyncio.Event(), asyncio.Event()

        async def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            await gate.wait()
            return httpx.Response(201, json={"pod": "payments-1", "release": "1"})

        if leave:
            left.set()
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://payments") as client:
            if answers:
                gate.set()
                await Sender(plan, client, left).run()
                return
            made = Sender(plan, client, left)
            await made._in_stages()
            gate.set()
            await asyncio.gather(*made._under_way)

    asyncio.run(scenario())
    return len(requests)


def test_a_plan_is_read_as_it_was_written():
    plan = Plan("http://a", 15.0, (Stage(1.5, 20),), rate=3.0, count=math.inf, keep_alive=True)
    assert Plan.read(plan.written()) == plan


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_steady_plan_sends_its_number_and_prints_each_answer(keep_alive: bool, capsys: pytest.CaptureFixture[str]):
    assert sent(Plan("http://payments", 5, rate=2_000, count=7, keep_alive=keep_alive)) == 7
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == len({answer["key"] for answer in answers}) == 7
    assert {(answer["status"], answer["pod"]) for answer in answers} == {(201, "payments-1")}


def test_each_customer_of_a_stage_pays_in_turn():
    assert sent(Plan("http://payments", 5, (Stage(2.0, 20), Stage(2.0, 5)))) == 40 + 10


def test_a_customer_who_waits_for_an_answer_does_not_pay_meanwhile():
    assert Stage(4.2, 3).customers == 6
    assert sent(Plan("http://payments", 5, (Stage(4.2, 3),)), answers=False) == 6


def test_nothing_is_sent_when_the_input_has_ended():
    assert sent(Plan("http://payments", 5, rate=10), leave=True) == 0
    assert sent(Plan("http://payments", 5, (Stage(2, 20),)), leave=True) == 0
