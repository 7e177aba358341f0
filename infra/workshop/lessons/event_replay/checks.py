"""Checks of lesson 04."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from numbers import Number
from typing import Any

from workshop.base.errors import WorkshopError
from workshop.domain.payments.accounts import DebitCard
from workshop.domain.payments.events import (
    AccountCredited,
    AccountDebited,
    AccountOpened,
    CardEvent,
    PaymentDeclined,
)
from workshop.lessons.event_replay import daily_limit as rule
from workshop.lessons.event_replay import experiments as lesson
from workshop.lessons.event_replay.other_clock import reads_the_clock, years_later
from workshop.lessons.event_replay.pictures import counted, euros
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

FORM = "a dict: card (such as 'card-0007') to balance in cents"


@exercise("04.1", "all balances at a moment of the past")
def balances_at(ws: Connection, topic: str, moment: datetime, answer: Any) -> str:
    """Compare the answer with a fold of the log up to the given moment."""
    unanswered(answer is None, observed="`balances` is None", expected=FORM)
    answer = _as_dict(answer)
    events = _events(ws, topic)
    right = lesson.balances(event for event in events if event.at < moment)
    expect(
        answer,
        observed="`balances` is empty: no event was folded",
        expected=f"{counted(len(right), 'card', 'cards')}",
        hint="Kafka wants milliseconds: `int(then_at.timestamp() * 1000)`. Then `seek_to_beginning`, and `poll` in a loop "
        "until `position` has reached the offset.",
    )
    _expect_cents(answer)
    _expect_cards(answer, right, {event.card for event in events}, moment)
    wrong = sorted(card for card in right if answer[card] != right[card])
    known = {card: answer[card] for card in right}
    expect(
        not wrong,
        observed=_first_difference(known, right, wrong),
        expected=f"the fold of the events before {moment:%d %B %Y, %H:%M:%S} UTC",
        hint=_mistake(known, right, events, moment) if wrong else "",
    )
    when, total = f"{moment:%H:%M} UTC on {moment:%d %B %Y}", euros(sum(right.values()) / 100)
    return f"the balances of {counted(len(right), 'card', 'cards')} at {when}: {total} in all"


def _as_dict(answer: Any) -> dict:
    """Return a mapping, or a pandas Series, as a dict with text as keys."""
    if hasattr(answer, "to_dict"):
        answer = answer.to_dict()
    expect(isinstance(answer, Mapping), observed=f"`balances` is a {type(answer).__name__}", expected=FORM)
    return {key.decode() if isinstance(key, bytes) else key: value for key, value in answer.items()}


def _events(ws: Connection, topic: str) -> list[CardEvent]:
    try:
        return lesson.events_in(ws, topic)
    except WorkshopError as error:
        if "There is no topic" not in error.happened:
            raise
        raise WorkshopError(
            error.happened, "Run the first code cell of section 2 (it makes `log`), then the cells of this exercise."
        ) from None


def _expect_cents(answer: dict) -> None:
    odd = next((card for card, value in answer.items() if not isinstance(value, Number) or value != value), None)  # NaN
    expect(
        odd is None,
        observed=f"the value of {odd!r} is {answer.get(odd)!r}",
        expected="a number of cents",
        hint="an account has its cents in `balance_cents`" if hasattr(answer.get(odd), "balance_cents") else "",
    )


def _expect_cards(answer: dict, right: dict[str, int], cards: set[str], moment: datetime) -> None:
    """A card whose account is opened later may have 0 cents; others must be exactly there."""
    missing = sorted(set(right) - set(answer))
    expect(
        not missing,
        observed=f"{counted(len(answer), 'card', 'cards')}; {len(missing)} missing, such as {''.join(missing[:1])}",
        expected=f"all {counted(len(right), 'card', 'cards')} with an account at that time",
        hint="the cards are spread over three partitions; and one `poll` returns at most 500 records, so poll in a loop",
    )
    strange = sorted(repr(card) for card in set(answer) - cards)
    expect(not strange, observed=f"the key {''.join(strange[:1])} is no card of the log", expected=FORM)
    early = sorted(card for card in set(answer) - set(right) if answer[card])
    expect(
        not early,
        observed=f"{''.join(early[:1])} has a balance, but its account was opened after {moment:%d %B}",
        expected=f"the balances at {moment:%d %B %Y, %H:%M} UTC",
        hint="stop at the offset that `offsets_for_times` returns for each partition, not at the end of the log; "
        "a `poll` may return more than you need, so compare each `record.offset` with it",
    )


def _first_difference(answer: dict, right: dict[str, int], wrong: list[str]) -> str:
    if not wrong:
        return ""
    card = wrong[0]
    differ = counted(len(wrong), "balance differs", "balances differ")
    return f"{differ}: {card} has {_plain(answer[card])} cents, where the log says {right[card]}"


def _plain(number: Any) -> str:
    """Return a number of any type, such as one of numpy, without its type and without decimals that are 0."""
    found = float(number)
    return f"{found:.0f}" if found.is_integer() else f"{found:.2f}"


def _mistake(answer: dict, right: dict[str, int], events: list[CardEvent], moment: datetime) -> str:
    """Return a hint about the mistake that explains the answer."""
    before = [event for event in events if event.at < moment]
    opened = {event.card: event.amount_cents for event in before if isinstance(event, AccountOpened)}
    if all(abs(answer[card] * 100 - cents) < 1 for card, cents in right.items()):
        return "these are euros; the unit is cents: 12.50 € are 1250"
    if _same(answer, lesson.balances(events)):
        return "these are the balances at the end of the log: stop at the offset of the moment, in each partition"
    if _same(answer, _fold(before, opening=0)):
        return "`AccountOpened` counts too: it is the first balance of the card"
    if _same(answer, _fold(before, credited=-1)):
        return "a refund (`AccountCredited`) is added: these balances have the bug of section 5"
    if _same(answer, _fold(before, declined=-1)):
        return "a declined payment takes nothing: look at the type of the event"
    if _same(answer, _fold(event for event in events if event.at >= moment)):
        return "these are the events from the moment on; the balances need those before it"
    if all(answer[card] in (cents, _one_more(events, moment, card)) for card, cents in right.items()):
        return (
            "the event at the offset of `offsets_for_times` is the first one *after* the moment: `record.offset < stop`"
        )
    if all(answer[card] in _later(events, moment, card) for card in right):
        return (
            "events after the moment were folded too (`then_at` is in UTC); a `poll` may return more than you need, so "
            "compare each `record.offset` with the offset of the moment"
        )
    for hours in range(1, 15):
        if _same(answer, lesson.balances(e for e in events if e.at < moment - timedelta(hours=hours))):
            return "these are the balances some hours earlier: `then_at` is in UTC"
    if any(answer[card] != cents and answer[card] in (opened.get(card), 0) for card, cents in right.items()):
        return (
            "some events are missing: one `poll` returns at most 500 records; loop until `position` reaches the offset"
        )
    return "fold every event before the offset of the moment (`record.offset < stop`), with one `poll` after the other"


def _fold(events: Any, opening: int = 1, credited: int = 1, declined: int = 0) -> dict[str, int]:
    """Return card to balance, with factors for a kind of event; debits count -1."""
    factors = {AccountOpened: opening, AccountCredited: credited, AccountDebited: -1, PaymentDeclined: declined}
    found: dict[str, int] = {}
    for event in events:
        found[event.card] = found.get(event.card, 0) + factors.get(type(event), 0) * event.amount_cents
    return found


def _same(answer: dict, other: dict[str, int]) -> bool:
    return all(value == other.get(card) for card, value in answer.items())


def _later(events: list[CardEvent], moment: datetime, card: str) -> set[int]:
    """Return a card's balances at the moment and after each later event."""
    points = lesson.steps(events, card)
    before = sum(at < moment for at, _ in points)
    return {cents for _, cents in points[before - 1 :]}


def _one_more(events: list[CardEvent], moment: datetime, card: str) -> int:
    """Return a card's balance with the first event after the moment."""
    own = [event for event in events if event.card == card]
    count = sum(event.at < moment for event in own)
    return lesson.balances(own[: count + 1])[card]


MEMORY = (
    "keep everything in `state`, and use only `state` and the command or event: no global variable, no clock, no random "
    "number. Then run the answer cell again."
)


@exercise("04.2", "a rule that can be replayed")
def daily_limit(decide: Any, evolve: Any) -> str:
    """Decide commands of four days, twice each, in two runs, and replay the resulting events into a fresh state."""
    unanswered(
        decide is None and evolve is None,
        observed="`decide_a_day` and `evolve_a_day` are None",
        expected="two functions",
    )
    for name, function in (("decide_a_day", decide), ("evolve_a_day", evolve)):
        expect(callable(function), observed=f"`{name}` is {function!r}, no function", expected="two functions")
    steps = rule.steps("card-0001")
    events, state = _run(decide, evolve, steps)
    _expect_own_memory(decide, evolve, state, events)
    _expect_same_replay(decide, evolve, state, events)
    for years in (10, -10):
        with years_later((decide, evolve), years):
            _expect_same_run(decide, evolve, events, state, f"with a clock that is {abs(years)} years {_side(years)}")
    debited = sum(isinstance(event, AccountDebited) for event in events)
    said = f"{debited} debited, {len(events) - debited} declined; a second run, a replay and other clocks give the same"
    if _changes_its_state(evolve, events[0]):
        said += (
            ". (`evolve_a_day` changes the state that it gets. Beware: a snapshot that holds this state changes too.)"
        )
    return said


def _side(years: int) -> str:
    return "ahead" if years > 0 else "behind"


def _run(decide: Callable, evolve: Callable, steps: list[rule.Step]) -> tuple[list, object]:
    """Return events and last state of the given steps from an empty state."""
    state: object = {}
    events: list = []
    for number, step in enumerate(steps, 1):
        event = _decided(decide, state, step.command)
        kind = type(event).__name__
        if kind != step.expected:
            _expect_no_clock(decide, evolve)
        expect(
            kind == step.expected,
            observed=f"payment {number}, {_about(step.command)}: {kind}",
            expected=f"{step.expected}: at most {euros(rule.LIMIT_CENTS / 100)} of a card are debited on a day",
            hint=step.hint if number > 1 else _first_hint(decide),
        )
        events.append(event)
        state = _evolved(evolve, state, event)
    return events, state


def _expect_no_clock(decide: Callable, evolve: Callable) -> None:
    """Name the clock as the cause of a wrong result, before hints that assume a rule without a clock."""
    expect(
        not reads_the_clock((decide, evolve), lambda: _result(decide, evolve), rule.FIRST),
        observed="the result depends on today's date",
        expected="the same events on any day: the day is that of `command.at`",
        hint=MEMORY,
    )


def _result(decide: Callable, evolve: Callable) -> object:
    """Return events and last state, without an expectation; in place of them the class of an error."""
    events: list = []
    state: object = {}
    try:
        for step in rule.steps("card-0001"):
            events.append(decide(copy.deepcopy(state), step.command))
            state = evolve(copy.deepcopy(state), events[-1])
    except Exception as error:  # an answer can contain anything
        return type(error)
    return events, state


def _first_hint(decide: Callable) -> str:
    """Return the hint for a first payment that was declined: a wrong unit, or something remembered."""
    small, larger = (type(decide({}, command)).__name__ for command in rule.small_payments("card-0003"))
    if (small, larger) == (rule.DEBITED, rule.DECLINED):
        return "amounts are in cents: 300.00 € are 30,000 (in Python also `300_00`)"
    return f"on an empty state 120.00 € are allowed. Do the functions remember an earlier run? If so: {MEMORY}"


def _about(command: DebitCard) -> str:
    return f"{euros(command.amount_cents / 100)} on {command.at:%d %B %Y}"


def _decided(decide: Callable, state: object, command: DebitCard) -> Any:
    """Return the decision on a command, which is asked for twice."""
    given = copy.deepcopy(state)
    event = decide(given, command)
    expect(
        not isinstance(event, list | tuple),
        observed=f"`decide_a_day` returned a {type(event).__name__}",
        expected="one event",
        hint="return the event itself, not a list of events",
    )
    expect(
        isinstance(event, AccountDebited | PaymentDeclined),
        observed=f"`decide_a_day` returned {event!r}",
        expected="an AccountDebited or a PaymentDeclined",
        hint="`return AccountDebited(*about(command))`, or the other event" if event is None else "",
    )
    expect(
        given == state,
        observed=f"`decide_a_day` changed the state from {state!r} to {given!r}",
        expected="a decision that changes nothing",
        hint="decide answers, evolve changes",
    )
    again = decide(copy.deepcopy(state), command)
    expect(
        again == event,
        observed=f"the same command on the same state was decided twice: {event!r}, then {again!r}",
        expected="the same event both times",
        hint=MEMORY,
    )
    asked = (command.card, command.amount_cents, command.at, command.payment_id)
    expect(
        (event.card, event.amount_cents, event.at, event.payment_id) == asked,
        observed=f"{event!r} as the answer to {command!r}",
        expected="an event with card, amount, time and payment of its command",
        hint="`about(command)` returns these four values",
    )
    return event


def _evolved(evolve: Callable, state: object, event: CardEvent) -> object:
    found = evolve(copy.deepcopy(state), event)
    expect(
        found is not None,
        observed="`evolve_a_day` returned None",
        expected="the next state",
        hint="each way through the function needs a `return`, also for a declined payment",
    )
    return found


def _expect_own_memory(decide: Callable, evolve: Callable, state: object, events: list) -> None:
    """Run again, and run two cards by turns: a memory outside the state mixes them."""
    expect(
        state != {},
        observed=f"after {len(events)} events the state is still {{}}: the functions remember elsewhere",
        expected="a state from which the next decision can be made",
        hint=MEMORY,
    )
    _expect_same_run(decide, evolve, events, state, "in a second run of the same payments")
    pair = [(f"card-{number:04d}", rule.steps(f"card-{number:04d}")) for number in (1, 2)]
    states: dict[str, object] = {card: {} for card, _ in pair}
    for number in range(len(events)):
        for card, steps in pair:
            event = _decided(decide, states[card], steps[number].command)
            expect(
                type(event) is type(events[number]),
                observed=f"with two cards by turns, each with a state of its own, payment {number + 1} of {card}: "
                f"{type(event).__name__}",
                expected=type(events[number]).__name__,
                hint=MEMORY,
            )
            states[card] = _evolved(evolve, states[card], event)


def _expect_same_run(decide: Callable, evolve: Callable, events: list, state: object, when: str) -> None:
    """The same commands lead to the same events and to the same state."""
    again: object = {}
    for number, (step, event) in enumerate(zip(rule.steps("card-0001"), events, strict=True), 1):
        other = _decided(decide, again, step.command)
        expect(
            other == event,
            observed=f"{when}, payment {number} ({_about(step.command)}): {other!r} instead of {event!r}",
            expected="the same event",
            hint=MEMORY,
        )
        again = _evolved(evolve, again, event)
    expect(
        again == state,
        observed=f"{when}, the state ended as {again!r} instead of {state!r}",
        expected="the same state",
        hint=MEMORY,
    )


def _expect_same_replay(decide: Callable, evolve: Callable, state: object, events: list) -> None:
    """The events alone lead to the same state, and this state to the same decisions."""
    again: object = {}
    for event in events:
        again = _evolved(evolve, again, event)
    expect(
        again == state,
        observed=f"the first run ended in {state!r}, the replay of its events in {again!r}",
        expected="the same state",
        hint=MEMORY,
    )
    for command in rule.probes("card-0001"):
        wanted = rule.DECLINED if command.amount_cents == 1 else rule.DEBITED
        found = type(_decided(decide, again, command)).__name__
        expect(
            found == wanted,
            observed=f"after the replay, {_about(command)}: {found}",
            expected=wanted,
            hint="a replay runs `evolve_a_day` only: what `decide_a_day` needs must come from the events",
        )


def _changes_its_state(evolve: Callable, event: CardEvent) -> bool:
    given: dict = {}
    evolve(given, event)
    return given != {}


questions = quick_questions(
    "04",
    Question(
        "c",
        a="A time is no address in Kafka: you cannot `seek` to a time. `offsets_for_times` turns it into offsets first.",
        b="Partitions fill at different speeds, so the same offset is another time in each of them.",
        c="Each partition is a log of its own. `offsets_for_times` gives the first offset at or after the time for each one.",
    ),
    Question(
        "b",
        a="The transaction commits records and offsets in Kafka. The mail server takes no part in it.",
        b="Kafka's transaction ends at Kafka. If the program dies after the mail and before the commit, the payment is read "
        "again and the mail is sent again. The mail service must refuse an id that it knows, or you accept a second mail.",
        c="`read_committed` decides which records a consumer sees. It cannot take back a mail.",
    ),
    Question(
        "a",
        a="The events are still there, and they were right. Fix the fold, replay beside the old table, compare, then switch.",
        b="Events are facts: a changed log no longer says what happened. The mistake was in the fold, not in the events.",
        c="A script that corrects rows must guess which rows are wrong. The replay computes them.",
    ),
)
