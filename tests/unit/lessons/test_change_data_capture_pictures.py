"""The pictures of lesson 06: their texts state what was seen."""

from __future__ import annotations

from collections import Counter

import pytest
from workshop.domain.debezium import Change
from workshop.lessons.change_data_capture import pictures
from workshop.lessons.change_data_capture.observations import Blocked, Held, Joined, Killed, Latency


def blocked(how: str, rows: set[str], *events: str) -> Blocked:
    return Blocked(how, ["a", "b"], "b", rows, Counter(events))


@pytest.mark.parametrize(
    ("rows", "events", "said"),
    [
        ({"a", "b"}, ("a", "b"), "no hole"),
        ({"a", "b"}, ("a",), "row, no event"),
        ({"a"}, ("a", "b"), "event, no row"),
    ],
)
def test_a_hole_is_told_by_what_is_missing(rows: set[str], events: tuple[str, ...], said: str):
    assert pictures.draw_holes(blocked("write", rows, *events)).alt == f"write: {said}"


def test_ways_stand_beside_each_other():
    drawn = pictures.draw_holes(blocked("one", {"a"}, "a"), blocked("two", {"a"}))
    assert drawn.alt == "one: no hole; two: row, no event"
    assert len(drawn.figure.axes) == 2


def test_changes_are_told_in_their_order():
    row = {"card": "card_1", "limit_cents": 5}
    changes = [
        Change("insert", {"card": "card_1"}, None, row, 1, 1),
        Change("update", {"card": "card_1"}, row, {**row, "limit_cents": 9}, 2, 2),
        Change("delete", {"card": "card_1"}, row, None, 3, 3),
        Change("tombstone", {"card": "card_1"}, None, None, 0, 0),
    ]
    drawn = pictures.draw_changes(changes)
    assert drawn.alt == "in this order: insert, update, delete, tombstone"
    assert len(drawn.png()) > 1_000  # underscores and spaces of values do not break matplotlib's own notation


def test_latency_is_told_by_its_median_and_its_slowest_part():
    points = [(second / 10, float(second + 1)) for second in range(100)]
    assert pictures.draw_latency(Latency(points)).alt == (
        "half of 100 changes were read within 51 ms of their commit, 99 in 100 within 100 ms"
    )


def test_payments_that_were_too_large_before_the_change_came_are_counted():
    limits = [(0.0, 50_000), (2.0, 20_000), (4.0, None)]
    payments = {"fine": 1.0, "late": 2.1, "alerted": 3.0, "gone": 5.0}
    seen = Joined(limits, payments, {"alerted", "gone"}, "card-1")
    assert pictures.draw_alerts(seen).alt == (
        "4 payments of 300 €, 2 alerts; 1 payments too large came before the change"
    )


def test_a_limit_of_exactly_the_payment_is_enough():
    assert not pictures._too_much(Joined(limits=[(0.0, 30_000)]), 1.0)
    assert pictures._too_much(Joined(limits=[(0.0, 29_999)]), 1.0)
    assert not pictures._too_much(Joined(limits=[(2.0, 100)]), 1.0)


def test_alerts_are_drawn_before_the_first_payment():
    assert pictures.draw_alerts(Joined()).alt.startswith("0 payments of 300 €, 0 alerts")


def test_a_kill_is_told_with_what_is_missing_and_what_came_again():
    seen = Killed({1: 0.1, 2: 0.2, 3: 0.3}, [(0.2, 1), (0.5, 2), (0.6, 2)], killed=0.3, answers=0.4, count=3)
    assert pictures.draw_kill(seen).alt == "3 changes, Connect killed on the way: missing 1   again 1"


def test_the_log_that_is_held_back_is_told_at_its_most():
    seen = Held([(0.0, 1_000), (1.0, 2_345_678), (2.0, 10)], {"paused": 0.5})
    assert pictures.draw_held(seen).alt == "the slot held back at most 2,346 kB of the database's log"
    assert pictures.draw_held(Held()).alt == "the slot held back at most 0 kB of the database's log"
