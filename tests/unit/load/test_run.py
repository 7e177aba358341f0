"""The answers of a load, read while they are written."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from workshop.load.payment import Answer
from workshop.load.run import COLUMNS, Load, Stage, percentile


@pytest.fixture
def load() -> Load:
    return Load("http://127.0.0.1:9", [Stage(8, 10), Stage(2.5, 30)])


def test_the_stages_last_as_long_as_all_of_them(load: Load):
    assert load.planned == 10.5


def test_before_the_first_answer_there_is_an_empty_table(load: Load):
    assert tuple(load.answers().columns) == COLUMNS
    assert len(load.answers()) == 0


def test_answers_are_in_order_of_time(load: Load):
    load._answers += [Answer(2.0, 0.1, 201), Answer(1.0, 9, 0)]
    found = load.answers()
    assert found["at"].tolist() == [1.0, 2.0]
    assert found["status"].tolist() == [0, 201]


def test_a_load_ends_by_itself_and_every_payment_has_an_answer():
    with Load("http://127.0.0.1:9", [Stage(0.2, 100)]) as load:  # nothing listens there
        load._sending.wait(60)
        assert not load.runs
        found = load.answers()
    assert len(found) > 0
    assert set(found["status"]) == {0}


ANSWERS = pd.DataFrame({"at": [0.0, 1.0, 2.0, 3.0], "seconds": [0.1, 0.3, 0.2, 9.0]})


@pytest.mark.parametrize(("since", "until", "value"), [(0, 3, 0.29), (0, 0.5, 0.1), (1, 2, 0.3)])
def test_a_percentile_is_that_of_the_payments_sent_between_two_times(since: float, until: float, value: float):
    assert percentile(ANSWERS, since, until) == pytest.approx(value)


def test_a_time_without_payments_has_no_percentile():
    assert math.isnan(percentile(ANSWERS, 5, 6))
