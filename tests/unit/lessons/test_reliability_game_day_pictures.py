"""The pictures of lesson 09: their texts state what was seen."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from workshop.chaos.day import Day
from workshop.chaos.figures import Step
from workshop.chaos.ledger import Attempt, Entry
from workshop.chaos.reconcile import ACKNOWLEDGED, REFUSED, UNKNOWN, Promise, reconcile
from workshop.lessons.reliability_game_day import pictures

BEGAN = 1_000.0


def entry(number: int, *attempts: Attempt) -> Entry:
    return Entry(f"id-{number}", f"key-{number}", "card", 100, attempts[0].at, list(attempts))


def day(*entries: Entry, debited: int = 0, steps: tuple[Step, ...] = ()) -> Day:
    """A run as its watchers have seen it up to its tenth second."""
    ledger = SimpleNamespace(refresh=lambda: {one.payment_id: one for one in entries})
    seen = [(BEGAN + 1, f"id-{number}", 100) for number in range(debited)]
    samples = SimpleNamespace(seen=[(BEGAN, 9), (BEGAN + 10, 8)])
    site, customers = SimpleNamespace(), SimpleNamespace(ledger=ledger)
    made = Day("day-1", site, customers, SimpleNamespace(seen=seen), samples, samples, lambda day: None, BEGAN)
    made.steps += steps
    return made


def test_a_board_counts_payments_debits_and_repeated_attempts():
    failed = Attempt(BEGAN + 2, 0.1, 503)
    good = [Attempt(BEGAN + second, 0.2, 201) for second in (1, 3)]
    step = Step(("leader",), BEGAN + 2, mended=BEGAN + 4)
    seen = day(entry(0, good[0]), entry(1, failed, good[1]), debited=1, steps=(step, Step(("pod", "node"), BEGAN + 6)))
    assert pictures.draw_board(seen).alt == (
        "2 payments acknowledged, 1 debited, 1 attempts repeated; leader at 2 s, pod+node at 6 s"
    )


def test_a_board_is_drawn_before_the_first_payment():
    assert pictures.draw_board(day()).alt == "0 payments acknowledged, 0 debited, 0 attempts repeated; no fault yet"


def test_a_board_ends_with_the_verdict():
    seen = day()
    seen.result = reconcile([Promise("a", 100, ACKNOWLEDGED)], [("a", 100)])
    assert pictures.draw_board(seen).alt.endswith("lost 0, debited twice 0.")


@pytest.mark.parametrize(
    ("times", "expected"), [([], [0, 0, 0]), ([0.0, 0.9, 2.0], [2, 0, 1]), ([-1.0, 3.0, 99.0], [0, 0, 0])]
)
def test_events_are_counted_second_by_second(times: list[float], expected: list[int]):
    assert pictures._each_second(times, range(3)) == expected


def test_lags_are_told_partition_by_partition():
    lags = [(0.0, (0, 5)), (1.0, (3, 80)), (2.0, (1, 40))]
    assert pictures.draw_lags(lags, [(1.0, "poisoned")]).alt == (
        "partition 0: at most 3 waiting, 1 in the end; partition 1: at most 80 waiting, 40 in the end"
    )
    assert pictures.draw_lags([], []).alt == "lags over time"


@pytest.mark.parametrize(
    ("promises", "debits", "verdict"),
    [
        ([Promise("a", 5, ACKNOWLEDGED)], [("a", 5)], "the promise was kept: "),
        ([Promise("a", 5, ACKNOWLEDGED)], [], "the promise was broken: "),
        ([Promise("a", 5, ACKNOWLEDGED)], [("a", 5), ("a", 5)], "the promise was broken: "),
        ([Promise("a", 5, REFUSED)], [("a", 5)], "the promise was broken: "),
        ([Promise("a", 5, UNKNOWN)], [("a", 5)], "the promise was kept: "),
    ],
)
def test_the_matrix_is_told_by_its_verdict(promises: list, debits: list, verdict: str):
    found = reconcile(promises, debits)
    assert found.matrix == Counter({(promises[0].outcome, min(len(debits), 2)): 1})
    assert pictures.draw_matrix(found).alt.startswith(verdict)


def test_a_cell_is_red_only_if_the_promise_is_broken_there():
    red = {
        (outcome, times)
        for outcome in (ACKNOWLEDGED, REFUSED, UNKNOWN)
        for times in range(3)
        if pictures._colour(outcome, times, 1) == pictures.RED
    }
    assert red == {(ACKNOWLEDGED, 0), (ACKNOWLEDGED, 2), (REFUSED, 1), (REFUSED, 2), (UNKNOWN, 2)}
    assert pictures._colour(ACKNOWLEDGED, 0, 0) == pictures.GREY


def test_before_the_first_payment_a_sentence_stands_there():
    assert pictures.draw_beginning().alt.startswith("First everything is made well")
