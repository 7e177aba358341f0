"""The pictures of lesson 04: their captions state what was seen."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from workshop.domain.payments.events import AccountCredited, AccountDebited, AccountOpened, PaymentDeclined
from workshop.lessons.event_replay import pictures
from workshop.lessons.event_replay.observations import Answers, Compaction

START = datetime(2018, 4, 1, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_account_is_described_from_its_first_to_its_last_balance():
    events = [
        AccountOpened("card-1", 10_000, START, "a"),
        AccountDebited("card-1", 2_550, START, "a"),
        PaymentDeclined("card-1", 90_000, START, "b"),
        AccountCredited("card-1", 50, START, "a"),
    ]
    assert pictures.draw_account(events).alt == (
        "The 4 events of card-1 lead from 100.00 € to 75.00 €. 1 payment was declined (×) and left the balance as it was."
    )
    assert pictures.draw_account(events[:2]).alt.endswith("to 74.50 €. No payment was declined.")
    assert "2 payments were declined" in pictures.draw_account([*events, events[2]]).alt


def test_a_balance_is_described_at_the_moment_and_at_the_end():
    events = [AccountOpened("one", 100, START, "a"), AccountDebited("one", 30, START + HOUR, "b")]
    drawn = pictures.draw_balance_at([*events, AccountOpened("two", 7, START, "c")], "one", START + HOUR / 2, 100)
    assert drawn.alt == "At 13:00 UTC on 01 April 2018, one had 1.00 € (the dot); at the end of the log it has 0.70 €."
    assert (
        pictures.draw_balance_at([], "one", START, 0).alt == "At 12:30 UTC on 01 April 2018, one had 0.00 € (the dot)."
    )


def test_two_projections_are_described_with_their_difference():
    old, new = [(START, 100), (START + HOUR, 150)], [(START, 100), (START + HOUR, 400)]
    said = "At the end the old fold gives 1.50 € and the new fold 4.00 €"
    assert pictures.draw_corrected(old, new).alt == f"{said}, 2.50 € more."
    assert pictures.draw_corrected(new, old).alt == "At the end the old fold gives 4.00 € and the new fold 1.50 €."


def test_the_card_with_the_most_points_is_named():
    points = {f"card-{number}": number * 100 for number in range(20)}
    assert pictures.draw_points(points).alt == "20 cards have 19,000 points together; card-19 has the most, 1,900."
    assert pictures.draw_points({"card-1": 3}).alt == "1 card has 3 points together; card-1 has the most, 3."
    assert pictures.draw_points({}).alt == "No card has points yet."


def test_reading_with_a_snapshot_is_described_beside_reading_everything():
    drawn = pictures.draw_snapshot({"with": (12, 0.051), "without": (30_000, 1.2)})
    assert drawn.alt == "Reading with: 12 events in 0.05 s; without: 30,000 events in 1.20 s."


def test_compaction_is_described_from_the_first_to_the_last_count():
    seen = Compaction([(0.0, 100, 5), (1.0, 100, 5), (2.0, 5, 1)])
    assert pictures.draw_compaction(seen).alt == "The topic held 100 records, and 5 after 2 s; 1 key has a value."


def test_the_log_axis_of_compaction_is_named():
    assert "log scale" in pictures.draw_compaction(Compaction()).figure.axes[0].get_ylabel()


def test_compaction_is_drawn_before_the_first_look():
    assert pictures.draw_compaction(Compaction()).alt == "No record was read yet."


def test_answers_are_described_with_those_that_came_twice():
    seen = Answers(4, [(0.0, 1), (1.0, 3)], [(0.5, "killed"), (0.7, "a word of one's own")], Counter(a=1, b=2, c=3))
    assert pictures.draw_answers(seen).alt == (
        "3 payments have a committed answer; 1 of 4 has none, 2 have more than one."
    )


def test_answers_are_described_with_those_that_were_there_at_the_kill():
    assert pictures.draw_answers(Answers(4, at_kill=1)).alt.startswith("1 of 4 had one when the service was killed. ")


def test_answers_are_drawn_before_the_first():
    assert pictures.draw_answers(Answers(4)).alt == (
        "0 payments have a committed answer; 4 of 4 have none, 0 have more than one."
    )
