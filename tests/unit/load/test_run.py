"""The answers of a load, read while they are written."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.load.run import COLUMNS, Load, Stage, percentile


@pytest.fixture
def load(settings: Settings) -> Load:
    return Load(settings, "http://127.0.0.1:9", [Stage(8, 10), Stage(2.5, 30)])


def test_the_stages_last_as_long_as_all_of_them(load: Load):
    assert load.planned == 10.5


def test_before_the_first_answer_there_is_an_empty_table(load: Load):
    assert tuple(load.answers().columns) == COLUMNS
    assert len(load.answers()) == 0


def test_answers_are_in_order_of_time_and_half_a_line_is_left_out(load: Load):
    lines = ['{"at": 2.0, "seconds": 0.1, "status": 201}', '{"at": 1.0, "seconds": 9, "status": 0}', '{"at": 3.0, "sec']
    load._file.write_text("\n".join(lines))
    found = load.answers()
    assert found["at"].tolist() == [1.0, 2.0]
    assert found["status"].tolist() == [0, 201]


def test_two_loads_have_files_of_their_own(settings: Settings, load: Load):
    assert Load(settings, "", [])._file != load._file


def test_a_locust_that_ends_at_once_is_told_with_its_log(load: Load):
    load._file.with_suffix(".log").write_text("x" * 3_000 + "no module")

    class Ended:
        def poll(self) -> int:
            return 1

    load._process = Ended()
    with pytest.raises(WorkshopError, match="Locust ended right after its start") as ended:
        load._is_there()
    assert ended.value.detail.endswith("no module")
    assert not load.runs


ANSWERS = pd.DataFrame({"at": [0.0, 1.0, 2.0, 3.0], "seconds": [0.1, 0.3, 0.2, 9.0]})


@pytest.mark.parametrize(("since", "until", "value"), [(0, 3, 0.29), (0, 0.5, 0.1), (1, 2, 0.3)])
def test_a_percentile_is_that_of_the_payments_sent_between_two_times(since: float, until: float, value: float):
    assert percentile(ANSWERS, since, until) == pytest.approx(value)


def test_a_time_without_payments_has_no_percentile():
    assert math.isnan(percentile(ANSWERS, 5, 6))
