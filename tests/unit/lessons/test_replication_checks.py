"""The checks of lesson 03: each finding has its sentence. Brokers and the topic are lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from workshop.domain.payments import PaymentMade
from workshop.kafka import consume
from workshop.lessons.replication import checks, freezes
from workshop.lessons.replication.observations import Freeze, Trial
from workshop.notebook.exercises import Verdict

EVENTS = [PaymentMade("card", "terminal", 100, datetime(2018, 4, 1, tzinfo=UTC), f"p-{n}") for n in range(3)]
RIGHT = {"copies": 3, "min_in_sync": 2, "acks": "all"}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)


def lines(verdict: Verdict) -> dict[str, str]:
    return dict(verdict.lines)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The settings that were tried on brokers; all payments survive."""
    found: list[tuple] = []

    def try_out(ws: None, *given: object) -> Trial:
        found.append(given)
        return Trial(2, accepted=20)

    monkeypatch.setattr(checks, "try_out", try_out)
    return found


@pytest.mark.parametrize(
    "answer",
    [
        RIGHT,
        {"copies": np.int64(3), "min_in_sync": np.int32(2), "acks": "all"},
        {**RIGHT, "acks": -1},
        {**RIGHT, "acks": "-1"},
        {"copies": "3", "min_in_sync": "2", "acks": "all"},
        {**RIGHT, "copies": 3.0},
        list(RIGHT.items()),
        pd.Series(RIGHT),
    ],
)
def test_settings_of_any_form_are_tried(answer: object, tried: list[tuple]):
    assert checks.settings(None, answer).word == "passed"
    assert tried == [(3, 2, "all")]


def test_acks_in_text_is_the_number(tried: list[tuple]):
    checks.settings(None, {**RIGHT, "acks": "1"})
    assert tried == [(3, 2, 1)]


@pytest.mark.parametrize(
    ("answer", "word", "observed"),
    [
        (None, "unanswered", "`settings` is None"),
        ((3, 2, "all"), "not yet", "and not a dict"),
        ("text", "not yet", "and not a dict"),
        ({}, "not yet", "`settings` has no 'copies', 'min_in_sync', 'acks'"),
        ({"copies": 3, "min_in_sync": 2}, "not yet", "`settings` has no 'acks'"),
        ({**RIGHT, "retries": 3}, "not yet", "`settings` has 'retries', which is none of the three settings"),
        ({**RIGHT, "copies": 9}, "not yet", "`copies` is 9"),
        ({**RIGHT, "copies": 2.5}, "not yet", "`copies` is 2.5"),
        ({**RIGHT, "min_in_sync": True}, "not yet", "`min_in_sync` is True"),
        ({**RIGHT, "min_in_sync": None}, "not yet", "`min_in_sync` is None"),
        ({**RIGHT, "acks": "one"}, "not yet", "`acks` is 'one'"),
        ({**RIGHT, "acks": 2}, "not yet", "`acks` is 2"),
        ({**RIGHT, "acks": [1]}, "not yet", "`acks` is [1]"),
        ({**RIGHT, "copies": 2, "min_in_sync": 3}, "not yet", "`min_in_sync` is 3 and `copies` is 2"),
    ],
)
def test_settings_that_are_none_break_no_broker(answer: object, word: str, observed: str, tried: list[tuple]):
    verdict = checks.settings(None, answer)
    assert verdict.word == word
    assert observed in lines(verdict)["observed"]
    assert tried == []


@pytest.mark.parametrize(
    ("seen", "acks", "observed", "hint"),
    [
        (Trial(2, led=False), "all", "nobody else has a replica", "how many replicas"),
        (Trial(2, accepted=0), "all", "0 of 20 payments were accepted: safe, and closed", "may be away"),
        (Trial(2, accepted=20, alone=20, lost=20), "all", "only one replica was in sync", "how many these must be"),
        (Trial(2, accepted=20, alone=20, lost=20), 1, "with acks=1 the answer comes before", "which `acks` waits"),
        (Trial(2, accepted=20, alone=20, lost=7), 0, "7 acknowledged payments are gone: with acks=0", "which `acks`"),
    ],
)
def test_what_settings_lose_or_refuse_is_said(
    seen: Trial, acks: object, observed: str, hint: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checks, "try_out", lambda ws, *given: seen)
    verdict = checks.settings(None, {**RIGHT, "acks": acks})
    assert verdict.word == "not yet"
    assert observed in lines(verdict)["observed"]
    assert hint in lines(verdict)["hint"]


@pytest.fixture
def storm(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A topic with each payment once, written through a freeze with numbers."""
    made = SimpleNamespace(records=[record(event) for event in EVENTS], numbered=3)
    monkeypatch.setattr(consume, "read_all", lambda ws, topic: made.records)
    monkeypatch.setattr(freezes, "numbered", lambda ws, topic: made.numbered)
    monkeypatch.setitem(freezes.NOTED, "t", [Freeze(2, 0, written=True)])
    return made


def record(event: PaymentMade) -> SimpleNamespace:
    return SimpleNamespace(value=event.value())


def test_each_payment_once_through_a_freeze_passes_twice(storm: SimpleNamespace):
    for _ in range(2):
        assert checks.once_each(None, "t", EVENTS).word == "passed"


def test_an_empty_topic_is_unanswered_unless_a_follower_was_frozen(storm: SimpleNamespace):
    storm.records = []
    assert lines(checks.once_each(None, "t", EVENTS))["observed"] == "3 of 3 payments are not in the log"
    freezes.NOTED["t"] = []
    assert checks.once_each(None, "t", EVENTS).word == "unanswered"


def _without_a_freeze(storm: SimpleNamespace) -> None:
    freezes.NOTED["t"] = []


def _before_the_freeze(storm: SimpleNamespace) -> None:
    freezes.NOTED["t"] = [Freeze(2, 3, written=False)]


def _after_the_freeze(storm: SimpleNamespace) -> None:
    freezes.NOTED["t"] = [Freeze(2, 0, written=False)]


def _second_try(storm: SimpleNamespace) -> None:
    storm.records *= 2
    storm.numbered = 6
    freezes.NOTED["t"] = [Freeze(2, 0, written=True), Freeze(2, 3, written=True)]


def _twice(storm: SimpleNamespace) -> None:
    storm.records.append(record(EVENTS[1]))


def _lost(storm: SimpleNamespace) -> None:
    del storm.records[0]


def _not_numbered(storm: SimpleNamespace) -> None:
    storm.numbered = 0


def _one_numbered(storm: SimpleNamespace) -> None:
    storm.numbered = 1


def _no_payment(storm: SimpleNamespace) -> None:
    storm.records[0] = SimpleNamespace(value=b"42")


def _no_value(storm: SimpleNamespace) -> None:
    storm.records[0] = SimpleNamespace(value=None)


def _stranger(storm: SimpleNamespace) -> None:
    storm.records.append(record(replace(EVENTS[0], payment_id="other")))


@pytest.mark.parametrize(
    ("change", "observed"),
    [
        (_without_a_freeze, "3 records of 3 payments, and no follower of `storm` was frozen"),
        (_before_the_freeze, "3 were there before the last freeze began"),
        (_after_the_freeze, "no payment reached the log while the follower was frozen"),
        (
            _second_try,
            "6 records of 3 payments; 3 were there before the last freeze began, perhaps from an earlier try",
        ),
        (_twice, "4 records of 3 payments"),
        (_lost, "1 of 3 payments are not in the log"),
        (_not_numbered, "0 of them carry the number of an idempotent producer"),
        (_one_numbered, "1 of them carry the number of an idempotent producer"),
        (_no_payment, "a record in `storm` is no payment"),
        (_no_value, "a record in `storm` is no payment"),
        (_stranger, "1 payments in the log are none of `events`"),
    ],
)
def test_what_is_wrong_in_the_storm_is_said_with_the_cell_to_run(change, observed: str, storm: SimpleNamespace):
    change(storm)
    verdict = checks.once_each(None, "t", EVENTS)
    assert verdict.word == "not yet"
    assert observed in lines(verdict)["observed"]
    assert "Run the cell above that begins with `events =`" in lines(verdict)["hint"]
