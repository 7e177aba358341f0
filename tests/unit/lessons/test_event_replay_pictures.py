"""The pictures of lesson 04: their texts state what was seen."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from workshop.domain.payments.events import AccountCredited, AccountDebited, AccountOpened, PaymentDeclined
from workshop.lessons.event_replay import pictures
from workshop.lessons.event_replay.observations import Answers, Compaction

START = datetime(2018, 4, 1, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_account_is_told_from_its_first_to_its_last_balance():
    events = [
        AccountOpened("card-1", 10_000, START, "a"),
        AccountDebited("card-1", 2_550, START, "a"),
        PaymentDeclined("card-1", 90_000, START, "b"),
        AccountCredited("card-1", 50, START, "a"),
    ]
    assert pictures.draw_account(events).alt == (
        "4 events of card-1: the balance goes from 100.00 to 75.00 euros; 1 payments were declined"
    )


def test_a_line_is_told_by_its_end_and_by_the_moment_that_was_asked_for():
    lines = {"left": [(START, 100), (START + HOUR, 250)], "right": [(START, 0)]}
    assert pictures.draw_line(lines).alt == "left ends at 2.50 euros; right ends at 0.00 euros"
    asked = pictures.draw_line(lines, START + HOUR / 2, 100)
    assert asked.alt.endswith("; at 01 April 13:00 it was 1.00")


def test_a_balance_of_zero_at_a_moment_is_told_too():
    assert pictures.draw_line({"one": [(START, 5)]}, START, 0).alt.endswith("it was 0.00")


def test_two_projections_are_told_with_their_difference():
    wrong, right = [(START, 100), (START + HOUR, 150)], [(START, 100), (START + HOUR, 400)]
    assert pictures.draw_corrected(wrong, right).alt == "wrong 1.50, right 4.00: 2.50 euros apart"


def test_the_cards_with_the_most_points_come_first():
    points = {f"card-{number}": number for number in range(20)}
    assert pictures.draw_points(points).alt == "card-19: 19 points, card-18: 18 points, card-17: 17 points"


def test_reading_with_a_snapshot_is_told_beside_reading_everything():
    drawn = pictures.draw_snapshot({"with": (12, 0.051), "without": (30_000, 1.2)})
    assert drawn.alt == "with: 12 events in 0.05 s; without: 30000 events in 1.20 s"


def test_compaction_is_told_from_the_first_to_the_last_count():
    seen = Compaction([(0.0, 100, 5), (1.0, 100, 5), (2.0, 5, 5)], [(0.5, "written"), (1.5, "deleted")])
    assert pictures.draw_compaction(seen).alt == "100 records became 5; written, deleted"


def test_compaction_is_drawn_before_the_first_look():
    assert pictures.draw_compaction(Compaction()).alt.startswith("nothing was seen yet")


def test_answers_are_told_with_those_that_came_twice():
    seen = Answers(4, [(0.0, 1), (1.0, 3)], [(0.5, "killed"), (0.7, "a word of one's own")], Counter(a=1, b=2, c=3))
    assert pictures.draw_answers(seen).alt == "3 of 4 payments were answered, 2 of them twice"


def test_answers_are_drawn_before_the_first():
    assert pictures.draw_answers(Answers(4)).alt == "0 of 4 payments were answered, 0 of them twice"
