"""Customers who ask again with the same key until they are told: each attempt is in the ledger."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from workshop.chaos import customers
from workshop.chaos.ledger import Entry, Ledger, Writer
from workshop.chaos.reconcile import ACKNOWLEDGED, REFUSED, UNKNOWN


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers, "PAUSE", 0.0)


def pay(folder: Path, *answers: int | Exception) -> tuple[Entry, list[httpx.Request]]:
    """A customer's payment, and the requests; the last answer stays."""
    waiting = list(answers)
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found, text="x" * 999)

    async def scenario(writer: Writer) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://payments") as client:
            await customers._pay(client, writer, Entry("id", "key", "card", 150, 1_000.0))

    path = folder / "ledger.jsonl"
    with path.open("w") as file:
        asyncio.run(scenario(Writer(file)))
    return Ledger(path).refresh()["id"], requests


def test_a_payment_is_asked_for_with_the_same_key_until_it_is_acknowledged(tmp_path: Path):
    entry, requests = pay(tmp_path, httpx.ConnectError("refused"), 503, 201)
    assert [(attempt.status, attempt.said) for attempt in entry.attempts] == [
        (0, "ConnectError"),
        (503, "x" * 200),
        (201, ""),
    ]
    assert entry.outcome == ACKNOWLEDGED
    assert {request.headers["Idempotency-Key"] for request in requests} == {"key"}


def test_a_payment_that_is_refused_is_not_asked_for_again(tmp_path: Path):
    entry, requests = pay(tmp_path, 422)
    assert (entry.outcome, len(requests)) == (REFUSED, 1)


def test_a_refusal_after_an_attempt_without_an_answer_is_not_known_to_be_one(tmp_path: Path):
    entry, _ = pay(tmp_path, httpx.ReadTimeout("late"), 409)
    assert entry.outcome == UNKNOWN


def test_a_customer_gives_up_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(customers, "PATIENCE", -1.0)
    entry, requests = pay(tmp_path, 503)
    assert (entry.outcome, len(requests)) == (UNKNOWN, 1)
