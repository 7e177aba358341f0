"""The transport to Kafka Connect: which answers are final, and which requests are repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from workshop.stack.cdc.rest import PatientTransport, message

ADDRESS = "https://connect"


def client(answers: list[httpx.Response | Exception], *, lives: bool = True) -> httpx.Client:
    """Return a client of a worker that gives these answers, one to each try."""
    return httpx.Client(base_url=ADDRESS, transport=PatientTransport(Path(), lambda: lives, _worker(answers)))


def _worker(answers: list[httpx.Response | Exception]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.read() == b'{"a":1}'  # the body is sent again with each try
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    return httpx.MockTransport(answer)


def put(connect: httpx.Client) -> httpx.Response:
    with connect:
        return connect.put("/connectors/bank/config", json={"a": 1})


def busy(text: str = "Cannot complete request because of a conflicting operation") -> httpx.Response:
    return httpx.Response(409, json={"message": text})


@pytest.mark.parametrize(
    "first",
    [
        busy,
        lambda: httpx.Response(500, json={"message": "Request timed out. The worker is currently busy"}),
        lambda: httpx.Response(500, json={"message": "Request cannot be completed because a rebalance is expected"}),
        lambda: httpx.ReadTimeout("late"),
        lambda: httpx.ConnectError("refused"),
    ],
)
def test_a_request_to_a_busy_worker_is_sent_again(first: Callable[[], httpx.Response | Exception]):
    answers = [first(), httpx.Response(201, json={"name": "bank"})]
    answer = put(client(answers))
    assert (answer.status_code, answer.json(), answer.reason_phrase) == (201, {"name": "bank"}, "Created")
    assert answers == []


@pytest.mark.parametrize("status", [200, 204, 400, 404, 500])
def test_other_answers_are_final(status: int):
    answers = [httpx.Response(status), httpx.Response(201)]
    assert put(client(answers)).status_code == status
    assert len(answers) == 1


def test_a_worker_that_has_ended_is_not_asked_again():
    answers = [httpx.ConnectError("refused"), httpx.Response(201)]
    with pytest.raises(httpx.ConnectError):
        put(client(answers, lives=False))
    assert len(answers) == 1


def test_an_error_has_the_workers_own_words_or_its_status():
    assert message(busy("no such table")) == "no such table"
    assert message(httpx.Response(502, text="<html>")) == "status 502"
    assert message(httpx.Response(502, json=["odd"])) == "status 502"
