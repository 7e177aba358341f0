"""Checks of lesson 06."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isclose
from numbers import Integral, Real
from typing import Any

from workshop.base.waiting import wait_until
from workshop.domain.debezium import Change
from workshop.lessons.change_data_capture import outbox
from workshop.lessons.change_data_capture.bank import Bank, current
from workshop.lessons.change_data_capture.card_blocking import run_blocking
from workshop.lessons.change_data_capture.experiments import LEFT_BEHIND, blocked_rows, event_types
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

FORM = "a dict: the number of each customer to the limit in cents"
EVENT = "CardBlocked"
MOST_STEPS = 12
SOME = 3


@exercise("06.1", "each customer's limit")
def limits(bank: Bank, changes: Iterable[Change], answer: Any) -> str:
    """Compare the answer with the fold of the changes that were handed out."""
    unanswered(answer is None, observed="`limits` is None", expected=FORM)
    found = _as_dict(answer)
    expect(found is not None, observed=f"`limits` is a {type(answer).__name__}", expected=FORM)
    assert found is not None
    history = bank.day or tuple(changes)
    right = limits_of(current(history))
    _expect_fold(found, right, limits_of(bank.table("cards")))
    _expect_customers(found, right, history)
    wrong = sorted(customer for customer in right if not _same(found[customer], right[customer]))
    expect(
        not wrong,
        observed=f"{len(wrong)} limits differ; {_why(history, wrong[0], found, right) if wrong else ''}",
        expected="the limits, in cents, after the last of the changes",
        hint="which of the two images is the new one? And the last change of a key counts",
    )
    gone = _gone(history) - set(right)
    return f"{len(right)} limits, as the changes say; {len(gone)} customers who left are not among them"


def limits_of(rows: Iterable[Mapping]) -> dict[int, int]:
    """Return customer to limit in cents. Pure."""
    return {row["customer"]: row["limit_cents"] for row in rows}


def _as_dict(answer: Any) -> dict | None:
    """Return an answer as a dict: it may be any mapping, or a pandas Series; otherwise None."""
    if isinstance(answer, Mapping):
        return dict(answer)
    return dict(answer.to_dict()) if hasattr(answer, "to_dict") else None


def _expect_fold(found: dict, right: dict, now: dict) -> None:
    """Refuse what was read from the table, and keys that are cards."""
    expect(
        not found or found != now or now == right,
        observed="these are the limits that the table `cards` has now",
        expected="the limits after the last of the `changes`; the bank has worked on since then",
        hint="go through `changes` from the first to the last, and keep the newest row of each card",
    )
    cards = [key for key in found if str(key).startswith("card-")]
    expect(
        not cards,
        observed=f"the keys are cards, such as {cards[0] if cards else ''}",
        expected=FORM,
        hint="each row names its customer: `row['customer']`",
    )
    odd = [key for key in found if not isinstance(key, Integral)]
    expect(not odd, observed=f"the key {odd[0] if odd else None!r} is not a customer's number", expected=FORM)


def _expect_customers(found: dict, right: dict, history: Iterable[Change]) -> None:
    whom = f"the {len(right)} customers who have a card after the last change"
    still = sorted((_gone(history) - set(right)) & set(found))
    expect(
        not still,
        observed=f"customer {_some(still)}: deleted, and still there",
        expected=whom,
        hint="after a delete, `after` is None: what does that say about the row?",
    )
    missing = sorted(set(right) - set(found))
    expect(
        not missing,
        observed=f"customer {_some(missing)} is missing",
        expected=whom,
        hint="a row that existed before Debezium came is reported by a `read`",
    )
    more = sorted(set(found) - set(right))
    expect(not more, observed=f"customer {_some(more)} has no card", expected=whom)


def _gone(history: Iterable[Change]) -> set[int]:
    """Return the customers whose card was deleted."""
    return {change.before["customer"] for change in history if change.operation == "delete" and change.before}


def _same(answer: Any, cents: int) -> bool:
    return isinstance(answer, Real) and bool(answer == cents)


def _why(changes: Iterable[Change], customer: int, answer: Mapping, right: Mapping) -> str:
    mine = [change for change in changes if change.row.get("customer") == customer and change.operation == "update"]
    before = mine[-1].before if mine else None
    found = f"customer {customer} is {answer[customer]!r} instead of {right[customer]}"
    if before is not None and _same(answer[customer], before["limit_cents"]):
        return f"{found}: one change behind"
    if isinstance(answer[customer], Real) and isclose(
        answer[customer] * 100, right[customer]
    ):  # 256.03 * 100 is not 25603
        return f"{found}: these are euros"
    return found


def _some(names: list) -> str:
    return ", ".join(map(str, names[:SOME])) + (f" and {len(names) - SOME:,} more" if len(names) > SOME else "")


@exercise("06.2", "a card blocked with its event, wherever the program crashes")
def blocked_safely(bank: Bank, answer: Any) -> str:
    """Run the function in a process that is killed after each of its steps in turn, then once to its end."""
    unanswered(answer is None, observed="`block_card` is None", expected="a function block_card(bank, topic, card)")
    expect(
        callable(answer),
        observed=f"`block_card` is a {type(answer).__name__}",
        expected="a function block_card(bank, topic, card)",
    )
    outbox.follow(bank)
    before = blocked_rows(bank)
    cards = _crash_everywhere(bank, answer)
    outbox.settle(bank)
    rows, events = blocked_rows(bank), event_types(bank)
    _expect_only(rows - before, cards)
    _expect_whole(cards[-1] in rows, events[cards[-1]])
    for step, card in enumerate(cards, 1):
        when = f"killed after step {step}" if step < len(cards) else "not killed at all"
        _expect_both_or_none(when, card in rows, len(events[card]))
    return f"killed after each of {len(cards) - 1} steps: row and event, or neither; then to its end: both, once"


def _expect_only(blocked: set[str], cards: list[str]) -> None:
    others = sorted(blocked - set(cards))
    expect(
        not others,
        observed=f"{len(others)} other cards are blocked too, such as {others[0] if others else ''}",
        expected="only the given card is blocked",
        hint="which rows does the `update` change? `where card = %s`",
    )


def _expect_whole(row: bool, types: list[str]) -> None:
    """Judge the run that was not killed."""
    expect(
        row or types,
        observed="not killed at all: the card is not blocked, and there is no event",
        expected="a blocked card, and an event",
    )
    expect(
        types or not row,
        observed="not killed at all: the card is blocked, and the topic has no event with this card as its key",
        expected="an event under the card",
        hint="a row of `outbox` becomes an event, and its column `aggregateid` becomes the key",
    )
    other = [name for name in types if name not in ("", EVENT)]
    expect(
        not other,
        observed=f"the event has the type {other[0] if other else ''}",
        expected=f"an event of the type {EVENT}",
        hint="the column `type` of `outbox`",
    )


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
        hint="two statements are two transactions, unless one block holds both: `with bank.transaction():`",
    )
    expect(
        not (events and not row),
        observed=f"{when}: event, no row",
        expected="both, or neither",
        hint="what was sent to a topic cannot be taken back: write the event to the table `outbox`, in one transaction",
    )
    expect(
        events <= 1,
        observed=f"{when}: {events} events of one card",
        expected="one event",
        hint="Debezium publishes the rows of `outbox`; the function itself sends nothing",
    )


@exercise("06.3", "the slot that was left behind")
def slot_dropped(bank: Bank) -> str:
    """Check the slots, and that changes of the monolith still arrive."""
    slots = {slot["slot_name"]: slot for slot in bank.slots()}
    used = slots.get(bank.database)
    held = slots.get(LEFT_BEHIND, {}).get("bytes_held", 0)
    expect(
        used,
        observed=f"the slot {bank.database} is gone: Debezium has lost its place in the log",
        expected=f"only {LEFT_BEHIND} is gone",
        hint="which of the two was not active? The set-up cell of this exercise restores both",
    )
    unanswered(
        LEFT_BEHIND in slots and used and used["active"],
        observed=f"the slot {LEFT_BEHIND} exists, and holds back {held:,} bytes of the log",
        expected="it is dropped",
    )
    expect(
        LEFT_BEHIND not in slots,
        observed=f"the slot {LEFT_BEHIND} still exists, and nothing reads {bank.database} any more",
        expected=f"{LEFT_BEHIND} is dropped, and Debezium reads its own slot",
        hint="stopping a connector drops no slot; the set-up cell of this exercise starts it again",
    )
    wait_until(lambda: bank.follows("cards"), 30, "Debezium to read its slot", every=0.2)
    bank.monolith("limit", bank.open_cards(1)[0], 123_00)
    bank.settled("cards")
    return f"{LEFT_BEHIND} is dropped, and changes still arrive"


questions = quick_questions(
    "06",
    Question(
        "c",
        a="No. A process that is killed runs no `except`, so the event is never sent and nothing remembers that.",
        b="No. If the process dies after sending, the topic has an event about a change that was never made.",
        c="Yes. A transaction is made as a whole or not at all, and Debezium reads its result from the log.",
        d="No. A process that is killed before it sends runs no retry, and the next process does not know about the event.",
    ),
    Question(
        "b",
        a="No. Connect stores its place after it has sent, so after a crash it sends some changes again; none is left out.",
        b="Yes. This is at least once. A reader that keeps the newest row per key is not harmed.",
        c="No. Kafka Connect can be set up for exactly-once writes from the log into Kafka, but this is not the default.",
    ),
    Question(
        "d",
        a="No. The slot keeps the log for as long as it exists, by default without a limit.",
        b="No. By default a slot has no timeout: `idle_replication_slot_timeout` is 0.",
        c="No. The monolith works on and notices nothing, until the disk is full.",
        d="Yes. Nothing reads the slot, so PostgreSQL deletes nothing that comes after its place.",
    ),
)
