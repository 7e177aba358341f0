"""The observations of lesson 08: capacity at the worst moment, and the response time of a window."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pandas as pd
import pytest
from workshop.lessons.scaling_under_load.observations import CALLS, CAPACITY, SECONDS, Scaled


@pytest.fixture
def seen() -> Scaled:
    answers = pd.DataFrame({"at": [0.0, 1.0, 2.0, 3.0], "seconds": [0.1, 0.2, 9.0, 0.3], "status": 201})
    return Scaled(SimpleNamespace(answers=lambda: answers), 1, 3, ready=[(0.0, 1), (5.0, 3), (9.0, 2)])


def test_the_capacity_is_that_of_the_fewest_ready_pods(seen: Scaled):
    assert seen.capacity(0, 10) == CAPACITY
    assert seen.capacity(5, 10) == 2 * CAPACITY
    assert seen.capacity(5, 9) == 3 * CAPACITY


def test_a_window_in_which_nobody_looked_has_no_capacity(seen: Scaled):
    assert seen.capacity(20, 30) == 0


def test_the_response_time_is_that_of_a_window(seen: Scaled):
    assert seen.p95(0, 2) == pytest.approx(0.195)
    assert seen.p95(3, 4) == 0.3
    assert math.isnan(seen.p95(10, 11))


def test_a_replica_makes_as_many_calls_as_its_slots_allow():
    assert CAPACITY * SECONDS == CALLS


def test_the_first_new_replica_is_counted_from_a_moment(seen: Scaled):
    assert seen.first_more(1.0) == 4.0
    assert seen.first_more(6.0) is None


def test_starting_pods_count_for_the_capacity_that_was_asked_for(seen: Scaled):
    seen.wished = [(0.0, 1), (2.0, 4), (9.0, 2)]
    assert seen.wished_capacity(0, 10) == 4 * CAPACITY
    assert seen.wished_capacity(20, 30) == 0
