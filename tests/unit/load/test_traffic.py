"""Payments at a steady rate: what became of each, and why some failed."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from workshop.load.traffic import Answer, Traffic, _reason, pay


def paid(answer: httpx.Response | Exception) -> Answer:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["Idempotency-Key"] == "0000ff-key"
        assert b'"card":"card-0005"' in request.content.replace(b" ", b"")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def scenario() -> Answer:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://payments") as client:
            return await pay(client, "0000ff-key", at=1.5)

    return asyncio.run(scenario())


def test_an_accepted_payment_names_the_pod_and_the_release():
    found = paid(httpx.Response(201, json={"pod": "payments-1", "release": "2"}))
    assert (found.good, found.pod, found.release, found.at) == (True, "payments-1", "2", 1.5)


def test_a_refused_payment_keeps_what_was_said():
    found = paid(httpx.Response(503, text="y" * 500))
    assert (found.good, found.status, len(found.said)) == (False, 503, 200)


def test_a_payment_without_an_answer_has_the_status_0():
    found = paid(httpx.ConnectError("refused"))
    assert (found.status, found.said) == (0, "ConnectError refused")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(0, 0, 503, said='{"detail": "Kafka is away; later"}'), "503 Kafka is away"),
        (Answer(0, 0, 500, said="plain"), "500 plain"),
        (Answer(0, 0, 422, said='["list"]'), '422 ["list"]'),
        (Answer(0, 0, 0, said="ReadTimeout"), "ReadTimeout"),
    ],
)
def test_a_reason_is_short(answer: Answer, reason: str):
    assert _reason(answer) == reason


def test_a_sentence_counts_the_most_frequent_reasons():
    answers = [Answer(0, 0, 201, "a"), Answer(0, 0, 201, "b"), Answer(0, 0, 201, "a")]
    failures = [Answer(0, 0, 0, said="ReadTimeout"), *[Answer(0, 0, 503, said="x")] * 2]
    traffic = Traffic("", 1, answers=[*answers, *failures])
    assert traffic.sentence() == "3 of 6 payments failed: 2 × 503 x; 1 × ReadTimeout"
    assert traffic.by_pod() == {"a": 2, "b": 1}
    assert Traffic("", 1, answers=answers).sentence() == "0 of 3 payments failed"
