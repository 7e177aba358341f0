"""Checks of lesson 04."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from workshop.domain.payments.accounts import DebitCard
from workshop.domain.payments.events import AccountDebited, PaymentDeclined
from workshop.lessons.event_replay import experiments as lesson
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import exercise, expect, unanswered

LIMIT_CENTS = 30_000


@exercise("04.1", "all balances at a moment of the past")
def balances_at(ws: Connection, topic: str, moment: datetime, answer: Any) -> str:
    """Compare the answer with a fold of the log up to the given moment."""
    unanswered(answer is None, observed="`balances` is None", expected="a dict: card to cents")
    expect(
        isinstance(answer, dict), observed=f"`balances` is a {type(answer).__name__}", expected="a dict: card to cents"
    )
    events = lesson.events_in(ws, topic)
    right = lesson.balances(event for event in events if event.at < moment)
    missing = sorted(set(right) - set(answer))
    expect(
        not missing,
        observed=f"{len(answer)} cards; {len(missing)} are missing, such as {missing[:1]}",
        expected=f"all {len(right)} cards that had paid by then",
        hint="a card lies in one partition, and there are three",
    )
    today = lesson.balances(events)
    expect(
        answer != today,
        observed="these are the balances of the log's end",
        expected=f"those of {moment:%d %B %Y, %H:%M}",
        hint="event time, everywhere: `event.at`, or `offsets_at` for each partition",
    )
    wrong = sorted(card for card in right if answer[card] != right[card])
    expect(
        not wrong and set(answer) == set(right),
        observed=_first_difference(answer, right, wrong),
        expected="the fold of the events before the moment",
        hint="`lesson.balances(events)` folds; which events were there before the moment?",
    )
    return f"{len(right)} balances of {moment:%d %B %Y, %H:%M}, {sum(right.values()) / 100:,.2f} € in all"


def _first_difference(answer: dict, right: dict, wrong: list[str]) -> str:
    if not wrong:
        return f"{len(answer)} cards, where {len(right)} had paid by then"
    card = wrong[0]
    return f"{len(wrong)} balances differ: {card} has {answer[card]!r} cents, where the log says {right[card]}"


@exercise("04.2", "a rule that can be replayed")
def daily_limit(decide: Any, evolve: Any) -> str:
    """Decide commands of two days, and replay the resulting events into a fresh state."""
    unanswered(
        decide is None or evolve is None, observed="`decide_a_day` or `evolve_a_day` is None", expected="two functions"
    )
    expect(callable(decide) and callable(evolve), observed="one of them is no function", expected="two functions")
    state, events = _decide_all(decide, evolve)
    _expect_no_change_by_decide(decide, state)
    expected = _expected()
    seen = [type(event).__name__ for event in events]
    first = next((n for n, (got, want) in enumerate(zip(seen, expected, strict=True)) if got != want), None)
    expect(
        first is None,
        observed=_first_wrong(first, seen),
        expected=f"{expected[first] if first is not None else ''}: at most {LIMIT_CENTS / 100:.2f} € are debited a day",
        hint="the day is the command's own (`command.at.date()`); only what was debited counts, so look at the event's type",
    )
    again: dict = {}
    for event in events:
        again = evolve(again, event)
    expect(
        again == state,
        observed=f"the first run ended in {state!r}, the replay of its events in {again!r}",
        expected="the same state",
        hint="`evolve_a_day` may use what the event says, and nothing else: no clock, no state of its own",
    )
    debited, declined = seen.count("AccountDebited"), seen.count("PaymentDeclined")
    return f"{debited} debited, {declined} declined, and a replay ends in the same state"


def _commands() -> list[DebitCard]:
    days = [lesson.noon("2018-06-12"), lesson.noon("2018-06-13")]
    amounts = [12_000, 15_000, 9_000, 3_000, 1]  # 120 + 150, then 90 is too much, 30 fits exactly, a cent does not
    return [
        DebitCard("card-0001", cents, day + timedelta(minutes=n), f"p-{day:%d}-{n}")
        for day in days
        for n, cents in enumerate(amounts)
    ]


def _expected() -> list[str]:
    return ["AccountDebited", "AccountDebited", "PaymentDeclined", "AccountDebited", "PaymentDeclined"] * 2


def _decide_all(decide: Callable, evolve: Callable) -> tuple[object, list]:
    state: object = {}
    events: list = []
    for command in _commands():
        event = decide(copy.deepcopy(state), command)
        expect(
            isinstance(event, AccountDebited | PaymentDeclined),
            observed=f"`decide_a_day` returned {event!r}",
            expected="an AccountDebited or a PaymentDeclined",
        )
        events.append(event)
        state = evolve(state, event)
        expect(state is not None, observed="`evolve_a_day` returned None", expected="the new state")
    return state, events


def _expect_no_change_by_decide(decide: Callable, state: object) -> None:
    before = copy.deepcopy(state)
    decide(state, _commands()[0])
    expect(
        before == state,
        observed=f"`decide_a_day` changed the state from {before!r} to {state!r}",
        expected="a decision that changes nothing",
        hint="decide asks, evolve obeys",
    )


def _first_wrong(number: int | None, seen: list[str]) -> str:
    if number is None:
        return ""
    command = _commands()[number]
    return f"payment {number + 1}, {command.amount_cents / 100:.2f} € on {command.at:%d %B}: {seen[number]}"
