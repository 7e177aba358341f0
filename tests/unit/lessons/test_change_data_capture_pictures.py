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
    ("rows", "events", "title", "said"),
    [
        ({"a", "b"}, ("a", "b"), "write: no hole", "a row and an event"),
        ({"a"}, ("a",), "write: no hole", "neither a row nor an event"),
        ({"a", "b"}, ("a",), "write: row, no event", "a row and no event"),
        ({"a"}, ("a", "b"), "write: event, no row", "an event and no row"),
    ],
)
def test_a_hole_is_told_by_what_is_missing(rows: set[str], events: tuple[str, ...], title: str, said: str):
    drawn = pictures.draw_holes(blocked("write", rows, *events))
    assert drawn.figure.axes[0].get_title() == title or drawn.figure.axes[0].get_title(loc="left") == title
    assert drawn.alt == f"after the kill at b, write leaves {said}"


def test_ways_stand_beside_each_other():
    drawn = pictures.draw_holes(blocked("one", {"a"}, "a"), blocked("two", {"a", "b"}, "a"))
    assert drawn.alt == (
        "after the kill at b, one leaves neither a row nor an event; after the kill at b, two leaves a row and no event"
    )
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


def test_payments_that_were_judged_by_an_old_limit_are_counted():
    limits = [(0.0, 50_000), (2.0, 20_000), (4.0, 40_000), (6.0, None)]
    payments = {"fine": 1.0, "late": 2.1, "alerted": 3.0, "early": 4.1, "fine again": 5.0, "gone": 7.0}
    seen = Joined(limits, payments, {"alerted", "early", "gone"}, "card-1")
    assert pictures.draw_alerts(seen).alt == (
        "6 payments of 300 €, 3 with an alert. 1 payment above the limit got no alert and "
        "1 payment within the limit got one, because the new limit had not reached the service yet"
    )


def test_a_service_that_was_never_behind_is_told_so():
    seen = Joined([(0.0, 50_000), (2.0, 20_000)], {"fine": 1.0, "alerted": 3.0}, {"alerted"}, "card-1")
    assert pictures.draw_alerts(seen).alt == (
        "2 payments of 300 €, 1 with an alert. Every payment was judged by the limit that the database had at that moment"
    )


def test_alerts_are_drawn_before_the_first_payment():
    assert pictures.draw_alerts(Joined()).alt.startswith("0 payments of 300 €, 0 with an alert")


def test_a_kill_is_told_with_what_is_missing_and_what_came_again():
    seen = Killed({1: 0.1, 2: 0.2, 3: 0.3}, [(0.2, 1), (0.5, 2), (0.6, 2)], killed=0.3, answers=0.4, count=3)
    assert pictures.draw_kill(seen).alt == (
        "3 changes, 1 missing, 1 arrived again; the longest way from commit to reader took 0.3 s, "
        "across the restart of Connect"
    )
    whole = Killed({1: 0.0}, [(0.2, 1)], killed=0.3, answers=0.4, count=1)
    assert pictures.draw_kill(whole).alt.startswith("1 changes, none missing, none arrived again")


def test_the_log_that_is_held_back_is_told_at_its_most_and_at_the_end():
    seen = Held([(0.0, 1_000), (1.0, 2_345_678), (2.0, 10)], {"paused": 0.5})
    assert pictures.draw_held(seen).alt == (
        "the slot held back at most 2,346 kB of the database's log, and 0 kB at the end"
    )
    assert pictures.draw_held(Held()).alt.startswith("the slot held back at most 0 kB")
