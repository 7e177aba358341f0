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


def finished() -> Day:
    """A run with two faults: a broker, with a payment that took two attempts, and a pod."""
    twice = [Attempt(BEGAN + 2, 0.1, 503), Attempt(BEGAN + 4, 0.2, 201)]
    steps = (
        Step(("broker-killed",), BEGAN + 1, ("broker 2",), BEGAN + 5, BEGAN + 6),
        Step(("pod-crashed",), BEGAN + 7, ("payments x",), BEGAN + 8, BEGAN + 9),
    )
    made = day(entry(0, *twice), entry(1, Attempt(BEGAN + 7, 0.5, 201)), debited=2, steps=steps)
    made.result = reconcile([Promise("id-0", 100, ACKNOWLEDGED), Promise("id-1", 100, ACKNOWLEDGED)], [("id-0", 100)])
    return made


def test_predictions_are_beside_what_was_measured():
    picture = pictures.draw_predictions({"broker-killed": (5, True, 0), "pod-crashed": (None, None, None)}, finished())
    assert picture.alt == (
        "broker-killed: 3.2 s without an acknowledgement (you: 5 s), 1 attempt without success (you: yes), 0 lost (you: 0); "
        "pod-crashed: 1.5 s without an acknowledgement, 0 attempts without success, 1 lost"
    )


def test_a_fault_without_a_prediction_is_drawn_too():
    assert pictures.draw_predictions({}, finished()).alt.startswith(
        "broker-killed: 3.2 s without an acknowledgement, 1 "
    )


def test_waves_of_retries_are_counted_with_and_without_jitter():
    said = pictures.draw_requests(lambda: iter([0.05, 0.1, 100]), clients=10, seconds=2).alt
    assert said == (
        "10 clients fail at the same moment. In the busiest tenth of a second the service gets 10 requests with equal "
        "pauses, and 10 with jitter"
    )
    assert list(pictures._attempts(iter([1, 2, 3]), 5)) == [1, 3]
    assert [*zip(pictures.equal_pauses(), range(6), strict=False)][-1] == (4.0, 5)


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
    assert pictures.draw_beginning().alt.startswith("First everything is repaired")
