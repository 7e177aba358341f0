"""The checks of lesson 04: right answers pass, and each wrong one gets its hint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from workshop.domain.payments.accounts import DebitCard
from workshop.domain.payments.events import AccountDebited, AccountOpened, PaymentDeclined
from workshop.lessons.event_replay import checks, experiments
from workshop.notebook.exercises import Verdict


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)


def decide(state: dict, command: DebitCard) -> AccountDebited | PaymentDeclined:
    about = (command.card, command.amount_cents, command.at, command.payment_id)
    spent = state.get(command.at.date(), 0)
    fits = spent + command.amount_cents <= checks.LIMIT_CENTS
    return AccountDebited(*about) if fits else PaymentDeclined(*about)


def evolve(state: dict, event: object) -> dict:
    if not isinstance(event, AccountDebited):
        return state
    day = event.at.date()
    return {**state, day: state.get(day, 0) + event.amount_cents}


def observed(verdict: Verdict) -> str:
    return dict(verdict.lines)["observed"]


def test_a_rule_that_can_be_replayed_passes():
    verdict = checks.daily_limit(decide, evolve)
    assert verdict.word == "passed"
    assert observed(verdict) == "6 debited, 4 declined, and a replay ends in the same state"


def counts_what_was_declined(state: dict, event: AccountDebited) -> dict:
    day = event.at.date()
    return {**state, day: state.get(day, 0) + event.amount_cents}


def changes_its_state(state: dict, command: DebitCard) -> AccountDebited | PaymentDeclined:
    event = decide(state, command)
    state["changed"] = True
    return event


def evolve_without_return(state: dict, event: object) -> None:
    """Return nothing."""


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (lambda state, command: None, evolve, "`decide_a_day` returned None"),
        (decide, evolve_without_return, "`evolve_a_day` returned None"),
        (decide, counts_what_was_declined, "payment 4, 30.00 € on 12 June: PaymentDeclined"),
        (lambda state, command: AccountDebited("c", 1, command.at, "p"), evolve, "payment 3, 90.00 € on 12 June"),
        (changes_its_state, evolve, "`decide_a_day` changed the state"),
        ("text", evolve, "one of them is no function"),
    ],
)
def test_a_wrong_rule_is_told_what_was_seen(one: Callable, other: Callable, said: str):
    verdict = checks.daily_limit(one, other)
    assert verdict.word == "not yet"
    assert observed(verdict).startswith(said)


def test_no_rule_is_no_answer():
    assert checks.daily_limit(None, evolve).word == "unanswered"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [
        AccountOpened("a", 1_000, experiments.noon("2018-06-01"), "p"),
        AccountDebited("a", 300, experiments.noon("2018-06-10"), "p"),
        AccountOpened("b", 1_000, experiments.noon("2018-06-02"), "q"),
    ]
    monkeypatch.setattr(experiments, "events_in", lambda ws, topic: events)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("answer", "word", "said"),
    [
        ({"a": 1_000, "b": 1_000}, "passed", "2 balances of 05 June 2018, 12:00, 20.00 € in all"),
        ({"a": 700, "b": 1_000}, "not yet", "these are the balances of the log's end"),
        ({"a": 1_000}, "not yet", "1 cards; 1 are missing, such as ['b']"),
        ({"a": 1_000, "b": 5}, "not yet", "1 balances differ: b has 5 cents, where the log says 1000"),
        ({"a": 1_000, "b": 1_000, "c": 1}, "not yet", "3 cards, where 2 had paid by then"),
        ([], "not yet", "`balances` is a list"),
        (None, "unanswered", "`balances` is None"),
    ],
)
def test_balances_at_a_moment(answer: object, word: str, said: str):
    verdict = checks.balances_at(None, "topic", experiments.noon("2018-06-05"), answer)
    assert (verdict.word, observed(verdict)) == (word, said)
