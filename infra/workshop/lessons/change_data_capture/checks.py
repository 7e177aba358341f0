"""Checks of lesson 06."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workshop.base.waiting import wait_until
from workshop.domain.debezium import Change
from workshop.lessons.change_data_capture import outbox
from workshop.lessons.change_data_capture.bank import Bank
from workshop.lessons.change_data_capture.card_blocking import run_blocking
from workshop.lessons.change_data_capture.experiments import LEFT_BEHIND, blocked_rows, told
from workshop.notebook.exercises import exercise, expect, unanswered

MOST_STEPS = 12
SOME = 3


@exercise("06.1", "each customer's current limit")
def limits(bank: Bank, changes: Iterable[Change], answer: Any) -> str:
    """Compare the answer, made from the changes alone, with the database."""
    unanswered(answer is None, observed="`limits` is None", expected="a dict: customer to limit in cents")
    expect(
        isinstance(answer, Mapping),
        observed=f"`limits` is a {type(answer).__name__}",
        expected="a dict: customer to limit in cents",
    )
    right = {row["customer"]: row["limit_cents"] for row in bank.table("cards")}
    deleted = (change.before for change in changes if change.operation == "delete" and change.before)
    gone = {row["customer"] for row in deleted} - set(right)
    still = sorted(gone & set(answer))
    expect(
        not still,
        observed=f"customer {_some(still)}: deleted, and still there",
        expected=f"the {len(right)} customers whom the bank has now",
        hint="after a delete, `after` is None: what does that say about the row?",
    )
    missing = sorted(set(right) - set(answer))
    expect(
        not missing,
        observed=f"customer {_some(missing)} is missing",
        expected=f"the {len(right)} customers whom the bank has now",
        hint="whoever was there before Debezium came is told of by `read`",
    )
    more = sorted(set(answer) - set(right), key=str)
    expect(not more, observed=f"{_some(more)}: no customer of the bank", expected="the customers' numbers as keys")
    wrong = sorted(customer for customer in right if answer[customer] != right[customer])
    expect(
        not wrong,
        observed=f"{len(wrong)} limits differ; {_why(changes, wrong[0], answer, right) if wrong else ''}",
        expected="the limits that the database has now",
        hint="which image is now? And the last change of a key counts",
    )
    return f"{len(right)} limits, as the database has them; {len(gone)} customers who left are not among them"


def _why(changes: Iterable[Change], customer: int, answer: Mapping, right: Mapping) -> str:
    mine = [change for change in changes if change.row.get("customer") == customer and change.operation == "update"]
    before = mine[-1].before if mine else None
    behind = before is not None and answer[customer] == before["limit_cents"]
    told_of = f"customer {customer} is {answer[customer]!r}, and the database says {right[customer]}"
    return told_of + (": one change behind" if behind else "")


def _some(names: list) -> str:
    return ", ".join(map(str, names[:SOME])) + (f" and {len(names) - SOME:,} more" if len(names) > SOME else "")


@exercise("06.2", "a card blocked, and told of, wherever it crashes")
def blocked_safely(bank: Bank, answer: Any) -> str:
    """Run the function in a process that is killed after each of its steps in turn, then once to its end."""
    unanswered(answer is None, observed="`block_card` is None", expected="a function block_card(bank, topic, card)")
    expect(
        callable(answer),
        observed=f"`block_card` is a {type(answer).__name__}",
        expected="a function block_card(bank, topic, card)",
    )
    outbox.follow(bank)
    cards = _crash_everywhere(bank, answer)
    outbox.settle(bank)
    rows, events = blocked_rows(bank), told(bank, outbox.topic(bank))
    for step, card in enumerate(cards, 1):
        when = f"killed after step {step}" if step < len(cards) else "not killed at all"
        _expect_both_or_none(when, card in rows, events[card])
    whole = cards[-1]
    expect(
        whole in rows and events[whole],
        observed="not killed at all: the card is not blocked, and nobody is told",
        expected="a blocked card, and an event",
    )
    return f"killed after each of {len(cards) - 1} steps: row and event, or neither; then to its end: both, once"


def _crash_everywhere(bank: Bank, answer: Callable) -> list[str]:
    """Return one card per run.

    The process died after step 1 for the first card, after step 2 for the second, and so on; for the last card it ran
    to its end.
    """
    cards: list[str] = []
    while len(cards) < MOST_STEPS:
        cards += bank.open_cards(1)
        if not run_blocking(bank, answer, outbox.topic(bank), cards[-1:], cards[-1], len(cards)):
            return cards
    expect(
        False,
        observed=f"it takes {MOST_STEPS} steps or more",
        expected="a change and a row, in one transaction",
    )
    return cards


def _expect_both_or_none(when: str, row: bool, events: int) -> None:
    expect(
        not (row and not events),
        observed=f"{when}: row, no event",
        expected="both, or neither",
        hint="two statements are two transactions, unless they stand in one: `with bank.transaction():`",
    )
    expect(
        not (events and not row),
        observed=f"{when}: event, no row",
        expected="both, or neither",
        hint="what was sent to a topic cannot be taken back: let the database's log tell of it (`outbox`)",
    )
    expect(
        events <= 1,
        observed=f"{when}: {events} events of one card",
        expected="one event",
        hint="who reads the outbox and tells the topic? Not the function",
    )


@exercise("06.3", "the slot that was left behind")
def slot_dropped(bank: Bank) -> str:
    """Check the slots, and that changes of the monolith still arrive."""
    slots = {slot["slot_name"]: slot for slot in bank.slots()}
    used = slots.get(bank.database)
    expect(
        used,
        observed=f"{bank.database} is gone, from which Debezium read: it has lost its place",
        expected="the slot that is read stays",
        hint="which one is not active?",
    )
    held = slots.get(LEFT_BEHIND, {}).get("bytes_held", 0)
    unanswered(
        LEFT_BEHIND in slots and used and used["active"],
        observed=f"{LEFT_BEHIND} is there, and holds back {held:,} bytes of the log",
        expected="it is gone",
    )
    expect(
        LEFT_BEHIND not in slots,
        observed=f"{LEFT_BEHIND} is still there, and holds back {held:,} bytes; nobody reads {bank.database} any more",
        expected="a slot less, and a follower that follows",
        hint="a connector and its slot are two things; the one that reads was not the trouble",
    )
    wait_until(lambda: bank.follows("cards"), 20, "Debezium to read its slot", every=0.2)
    bank.monolith("limit", bank.open_cards(1)[0], 123_00)
    bank.settled("cards")
    return f"{LEFT_BEHIND} is gone, and changes still arrive"
