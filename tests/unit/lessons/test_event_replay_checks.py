"""The checks of lesson 04: right answers pass, and each wrong one gets its hint."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from workshop.base.errors import WorkshopError
from workshop.domain.payments.accounts import DebitCard
from workshop.domain.payments.events import AccountCredited, AccountDebited, AccountOpened, PaymentDeclined
from workshop.lessons.event_replay import checks, experiments
from workshop.lessons.event_replay import daily_limit as rule
from workshop.lessons.event_replay.other_clock import years_later
from workshop.notebook.exercises import Verdict


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)


def about(command: DebitCard) -> tuple:
    return command.card, command.amount_cents, command.at, command.payment_id


def rules(day_of: Callable) -> tuple[Callable, Callable]:
    """Return the two functions with a key for the day."""

    def decide(state: dict, command: DebitCard) -> AccountDebited | PaymentDeclined:
        fits = state.get(day_of(command.at), 0) + command.amount_cents <= rule.LIMIT_CENTS
        return (AccountDebited if fits else PaymentDeclined)(*about(command))

    def evolve(state: dict, event: object) -> dict:
        if not isinstance(event, AccountDebited):
            return state
        return {**state, day_of(event.at): state.get(day_of(event.at), 0) + event.amount_cents}

    return decide, evolve


decide, evolve = rules(datetime.date)


def observed(verdict: Verdict) -> str:
    return dict(verdict.lines)["observed"]


def hint(verdict: Verdict) -> str:
    return dict(verdict.lines).get("hint", "")


def test_a_rule_that_can_be_replayed_passes_each_time():
    for _ in range(2):
        verdict = checks.daily_limit(decide, evolve)
        assert verdict.word == "passed"
        assert observed(verdict) == ("8 debited, 9 declined; a second run, a replay and other clocks give the same")


def test_a_state_that_is_changed_in_place_passes_with_a_remark():
    def change(state: dict, event: object) -> dict:
        state.update(evolve(state, event))
        return state

    verdict = checks.daily_limit(decide, change)
    assert verdict.word == "passed"
    assert "changes the state that it gets" in observed(verdict)


def test_a_counter_is_a_state():
    def count(state: dict, event: object) -> Counter:
        return Counter(evolve(state, event))

    assert checks.daily_limit(decide, count).word == "passed"


@pytest.mark.parametrize(
    ("day_of", "failing"),
    [
        (lambda at: at.day, "120.00 € on 13 March 2018"),
        (lambda at: at.weekday(), "120.00 € on 13 March 2018"),
        (lambda at: at.isocalendar().week, "300.00 € on 14 February 2018"),
        (lambda at: at.month, "300.00 € on 14 February 2018"),
        (lambda at: at.timetuple().tm_yday, "300.00 € on 13 February 2019"),
        (lambda at: (at.month, at.day), "300.00 € on 13 February 2019"),
        (lambda at: (at.isocalendar().week, at.weekday()), "300.00 € on 13 February 2019"),
    ],
)
def test_days_that_share_a_part_of_their_date_are_told_apart(day_of: Callable, failing: str):
    verdict = checks.daily_limit(*rules(day_of))
    assert verdict.word == "not yet"
    assert failing in observed(verdict)
    assert observed(verdict).endswith("PaymentDeclined")


@pytest.mark.parametrize(
    ("decided", "evolved"),
    [
        (lambda at: datetime.now(UTC).date(), lambda at: datetime.now(UTC).date()),
        (lambda at: date.today(), datetime.date),
        (datetime.date, lambda at: date.today()),
        (lambda at: time.time() // 86_400, lambda at: time.time() // 86_400),
    ],
)
def test_todays_date_in_place_of_the_commands_is_named_first(decided: Callable, evolved: Callable):
    verdict = checks.daily_limit(rules(decided)[0], rules(evolved)[1])
    assert verdict.word == "not yet"
    assert observed(verdict) == "the result depends on today's date"
    assert "the day is that of `command.at`" in dict(verdict.lines)["expected"]


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
        (lambda state, command: [decide(state, command)], evolve, "`decide_a_day` returned a list"),
        (decide, evolve_without_return, "`evolve_a_day` returned None"),
        (decide, counts_what_was_declined, "payment 4, 30.00 € on 13 February 2018: PaymentDeclined"),
        (lambda state, command: AccountDebited(*about(command)), evolve, "payment 3, 90.00 € on 13 February 2018"),
        (lambda state, command: AccountDebited("c", 1, command.at, "p"), evolve, "AccountDebited(card='c'"),
        (changes_its_state, evolve, "`decide_a_day` changed the state"),
        (lambda state, command: decide(state, command), lambda state, event: {}, "payment 3, 90.00 €"),
        ("text", evolve, "`decide_a_day` is 'text', no function"),
        (decide, None, "`evolve_a_day` is None, no function"),
    ],
)
def test_a_wrong_rule_is_described_by_what_it_did(one: Callable, other: Callable, said: str):
    verdict = checks.daily_limit(one, other)
    assert verdict.word == "not yet"
    assert observed(verdict).startswith(said)


def test_a_limit_in_euros_gets_a_hint_about_the_unit():
    def in_euros(state: dict, command: DebitCard) -> AccountDebited | PaymentDeclined:
        fits = state.get(command.at.date(), 0) + command.amount_cents <= 300
        return (AccountDebited if fits else PaymentDeclined)(*about(command))

    assert "amounts are in cents" in hint(checks.daily_limit(in_euros, evolve))


def remembering(kept: Callable[[dict], dict], first: Callable[[dict, dict], None]) -> tuple[Callable, Callable]:
    """Return a rule with a memory outside the state.

    Args:
        kept: returns the next state.
        first: called with the memory and the state before a decision.
    """
    memory: dict = {}

    def decide_from_memory(state: dict, command: DebitCard) -> AccountDebited | PaymentDeclined:
        first(memory, state)
        return decide(memory, command)

    def evolve_memory(state: dict, event: object) -> dict:
        memory.update(evolve(memory, event))
        return kept(state)

    return decide_from_memory, evolve_memory


def cleared_at_the_start(memory: dict, state: dict) -> None:
    if not state:
        memory.clear()


@pytest.mark.parametrize(
    ("kept", "first", "said"),
    [
        (lambda state: state, lambda memory, state: None, "the functions remember elsewhere"),
        (lambda state: {"n": state.get("n", 0) + 1}, lambda memory, state: None, "in a second run"),
        (lambda state: {"n": state.get("n", 0) + 1}, cleared_at_the_start, "with two cards by turns"),
    ],
)
def test_a_memory_outside_the_state_is_refused_at_every_check(kept: Callable, first: Callable, said: str):
    pair = remembering(kept, first)
    verdict = checks.daily_limit(*pair)
    assert verdict.word == "not yet"
    assert said in observed(verdict)
    assert "no global variable" in hint(verdict)
    again = checks.daily_limit(*pair)
    assert again.word == "not yet"
    assert "global variable" in hint(again)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (lambda: f"at {datetime.now(UTC)}", "was decided twice"),
        (lambda: f"at {time.time_ns()}", "was decided twice"),
        (lambda: f"on {date.today()}", "with a clock that is 10 years ahead"),
        (lambda: f"in {datetime.today().year}", "with a clock that is 10 years ahead"),
        (lambda: "late" if time.time() > 2e9 else "", "with a clock that is 10 years ahead"),
    ],
)
def test_a_decision_that_reads_the_clock_is_refused(reason: Callable[[], str], said: str):
    def clocked(state: dict, command: DebitCard) -> AccountDebited | PaymentDeclined:
        event = decide(state, command)
        return PaymentDeclined(*about(command), reason=reason()) if isinstance(event, PaymentDeclined) else event

    verdict = checks.daily_limit(clocked, evolve)
    assert verdict.word == "not yet"
    assert said in observed(verdict)
    assert "no clock" in hint(verdict)


def clock() -> list[float]:
    """Return the year by several ways of reading the clock."""
    year = 365.25 * 86_400
    times = [time.time() / year, time.time_ns() / 1e9 / year]
    return [datetime.now(UTC).year, datetime.today().year, date.today().year, *(1970 + one for one in times)]


def test_the_clock_is_shifted_during_the_block_only():
    before = clock()
    with years_later((clock,), 10):
        later = clock()
        assert isinstance(MOMENT, datetime)
        assert not isinstance(3, datetime)
        assert datetime(2018, 6, 5, 12, tzinfo=UTC) == MOMENT
    assert [abs(one - other - 10) < 1 for one, other in zip(later, before, strict=True)] == [True] * 5
    assert [abs(one - other) < 1 for one, other in zip(clock(), before, strict=True)] == [True] * 5


def test_the_clock_is_right_after_an_error():
    before = clock()
    with pytest.raises(ZeroDivisionError), years_later((clock,), 10):
        _ = 1 / 0
    assert abs(clock()[0] - before[0]) < 2


def test_no_rule_is_no_answer():
    assert checks.daily_limit(None, None).word == "unanswered"


MOMENT = experiments.noon("2018-06-05")


def event(kind: type, card: str, cents: int, days: int) -> AccountDebited:
    return kind(card, cents, MOMENT + timedelta(days=days), f"{card}-{days}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [
        event(AccountOpened, "a", 1_000, -9),
        event(AccountOpened, "b", 2_000, -8),
        event(AccountCredited, "a", 50, -3),
        event(PaymentDeclined, "b", 9_000, -2),
        event(AccountDebited, "b", 100, -1),
        event(AccountDebited, "a", 300, 1),
        event(AccountOpened, "late", 500, 2),
        event(AccountDebited, "a", 7, 3),
        event(AccountDebited, "b", 70, 3),
        event(AccountDebited, "b", 80, 4),
    ]
    monkeypatch.setattr(experiments, "events_in", lambda ws, topic: events)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "answer",
    [
        {"a": 1_050, "b": 1_900},
        {"a": 1_050, "b": 1_900, "late": 0},
        {b"a": 1_050, b"b": 1_900.0},
        Counter(a=1_050, b=1_900),
    ],
)
def test_balances_at_a_moment_in_any_form(answer: object):
    verdict = checks.balances_at(None, "topic", MOMENT, answer)
    assert verdict.word == "passed"
    assert observed(verdict) == "the balances of 2 cards at 12:00 UTC on 05 June 2018: 29.50 € in all"


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("answer", "said", "hinted"),
    [
        ({}, "`balances` is empty", "milliseconds"),
        ({"a": 1_050}, "1 card; 1 missing, such as b", "500 records"),
        ({"a": 1_050, "b": 1_900, "late": 500}, "late has a balance", "not at the end"),
        ({"a": 1_050, "b": 1_900, 7: 0}, "the key 7 is no card", ""),
        ({"a": 743, "b": 1_750}, "2 balances differ", "the balances at the end of the log"),
        ({"a": 10.5, "b": 19.0}, "2 balances differ", "these are euros"),
        ({"a": np.float64(950), "b": 1_900}, "1 balance differs: a has 950 cents, where the log says 1050", "a refund"),
        ({"a": 1_050, "b": -7_100}, "1 balance differs", "a declined payment takes nothing"),
        ({"a": 50, "b": -100}, "2 balances differ", "`AccountOpened` counts too"),
        ({"a": -307, "b": -150}, "2 balances differ", "from the moment on"),
        ({"a": 750, "b": 1_830}, "2 balances differ", "the first one *after*"),
        ({"a": 743, "b": 1_830}, "2 balances differ", "compare each `record.offset`"),
        ({"a": 1_000, "b": 1_900}, "1 balance differs", "some events are missing"),
        ({"a": 5, "b": 6}, "2 balances differ", "record.offset < stop"),
        ({"a": 1_050, "b": "1900"}, "the value of 'b' is '1900'", ""),
        ({"a": 1_050, "b": float("nan")}, "the value of 'b' is nan", ""),
        ([], "`balances` is a list", ""),
    ],
)
def test_wrong_balances_are_described(answer: object, said: str, hinted: str):
    verdict = checks.balances_at(None, "topic", MOMENT, answer)
    assert verdict.word == "not yet"
    assert observed(verdict).startswith(said)
    assert hinted in hint(verdict)


@pytest.mark.usefixtures("log")
def test_no_balances_are_no_answer():
    assert checks.balances_at(None, "topic", MOMENT, None).word == "unanswered"


def test_a_missing_log_names_the_section_that_makes_it(monkeypatch: pytest.MonkeyPatch):
    def fail(ws: object, topic: str) -> list:
        raise WorkshopError("There is no topic 'accounts-1'.", "Run the cell that creates it.")

    monkeypatch.setattr(experiments, "events_in", fail)
    assert "section 2" in hint(checks.balances_at(None, "accounts-1", MOMENT, {"a": 1}))
