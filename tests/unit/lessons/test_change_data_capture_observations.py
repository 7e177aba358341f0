"""The observations of lesson 06."""

from __future__ import annotations

from collections import Counter

import pytest
from workshop.lessons.change_data_capture.observations import Blocked, Joined, Killed, Latency


def test_holes_are_the_cards_about_which_database_and_topic_do_not_agree():
    found = Blocked("two_writes", ["a", "b", "c", "d"], "c", rows={"a", "b"}, events=Counter({"a": 2, "c": 1}))
    assert found.holes == ["b", "c"]


def test_asking_for_holes_does_not_add_cards_to_the_events():
    found = Blocked("outbox", ["a"], "a", rows=set(), events=Counter())
    assert found.holes == []
    assert not found.events


@pytest.mark.parametrize(("percent", "value"), [(0, 1.0), (50, 51.0), (99, 100.0), (100, 100.0)])
def test_percentiles_of_a_hundred_values(percent: float, value: float):
    points = [(0.0, float(ms)) for ms in range(100, 0, -1)]
    assert Latency(points).percentile(percent) == value


def test_a_single_latency_is_every_percentile():
    assert Latency([(0.0, 7.0)]).percentile(99) == 7.0


def test_changes_that_came_again_are_not_missing_and_are_told_with_their_time():
    seen = Killed(arrived=[(0.1, 1), (0.2, 2), (0.3, 1), (0.4, 1)], count=4)
    assert seen.missing == 2
    assert seen.again == [(0.3, 1), (0.4, 1)]


def test_the_longest_way_counts_first_arrivals_only():
    seen = Killed({1: 1.0, 2: 2.0}, [(1.5, 1), (4.0, 2), (9.0, 1)], count=2)
    assert seen.waited == 2.0
    assert Killed().waited == 0.0


def test_a_limit_of_exactly_the_payment_is_enough():
    assert Joined([(0.0, 30_000)], {"p": 1.0}).late == []
    assert Joined([(0.0, 30_000)], {"p": 1.0}, {"p"}).early == ["p"]
    assert Joined([(0.0, 29_999)], {"p": 1.0}).late == ["p"]
    assert Joined([(2.0, 100)], {"p": 1.0}).late == []


def test_any_payment_with_a_deleted_card_is_above_the_limit():
    seen = Joined([(0.0, 50_000), (1.0, None)], {"before": 0.5, "after": 1.5, "alerted": 2.0}, {"alerted"})
    assert (seen.late, seen.early) == (["after"], [])
