"""What the columns of times and amounts prove about how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest.hints import Hints
from workshop.ingest.survey import Survey


def surveyed(times: Sequence[object] = (), amounts: Sequence[object] = ()) -> Survey:
    """A survey of two columns, seen in two chunks."""
    survey = Survey()
    for column, first in ((times, True), (amounts, False)):
        middle = len(column) // 2
        for begin, end in ((0, middle), (middle, len(column))):
            part = pa.array(column[begin:end]) if column else None
            lines = range(begin + 2, end + 2)
            survey.see(part if first else None, None if first else part, lines)
    return survey


def accepted(survey: Survey, **hints: str) -> None:
    survey.times.check("log.csv", "at", Hints(**hints))
    survey.amounts.check("log.csv", "amount", Hints(**hints))


def refused(survey: Survey) -> WorkshopError:
    with pytest.raises(WorkshopError) as error:
        accepted(survey)
    return error.value


def test_one_day_above_twelve_shows_the_order_of_all_others():
    survey = surveyed(["01/02/2018", "03/04/2018", "25/04/2018"])
    accepted(survey)
    assert survey.conventions(Hints()).order == "day-first"
    assert survey.notes(Hints()) == ["Times are read day first, as '25/04/2018' in line 4 shows; --dates overrides it."]
    assert survey.times.reading(Hints()) == ["dates day-first"]


def test_days_and_months_that_can_be_exchanged_are_refused_with_the_option_that_decides():
    survey = surveyed(["01/02/2018", "03/04/2018"])
    found = refused(survey)
    assert "either way round: '01/02/2018' in line 2" in found.happened
    assert "--dates day-first or --dates month-first" in found.next_step
    accepted(survey, dates="month-first")
    assert survey.conventions(Hints(dates="month-first")).order == "month-first"


def test_two_orders_in_one_column_are_refused_with_an_example_of_each():
    found = refused(surveyed(["25/04/2018", "04/25/2018", "01/02/2018"]))
    assert "the column has both '25/04/2018' in line 2 and '04/25/2018' in line 3" in found.happened


def test_a_few_exceptions_among_clear_times_are_refused_one_by_one_and_not_the_file():
    accepted(surveyed(["2018-04-25 10:00:00"] * 9 + ["1524650400"]))


def test_times_that_are_numbers_need_a_unit_and_a_likely_one_is_shown():
    survey = surveyed(["1524650400", "1524650401"])
    found = refused(survey)
    assert "are numbers: '1524650400' in line 2" in found.happened
    assert "--time-unit s reads that one as 2018-04-25 10:00" in found.next_step
    accepted(survey, time_unit="s")
    assert survey.times.reading(Hints(time_unit="s")) == ["times in s"]


def test_years_of_two_digits_need_an_order():
    assert "years of two digits" in refused(surveyed(["25.04.18"])).happened


def test_typed_times_finer_than_milliseconds_are_told():
    survey = surveyed([datetime(2018, 4, 25, 10, 0, 0, 1_500), datetime(2018, 4, 25)])
    accepted(survey)
    assert survey.notes(Hints())[0].startswith("1 time was cut to milliseconds; the first is '2018-04-25 10:00:00.0015")


def test_written_times_finer_than_milliseconds_are_told():
    survey = surveyed(["2018-04-25 10:00:00.123456", "2018-04-25 10:00:00.123000", "2018-04-25T10:00:00.0001Z"])
    assert survey.notes(Hints())[0].startswith("2 times were cut to milliseconds; the first is")


def test_an_amount_with_two_decimals_shows_what_three_digits_mean():
    survey = surveyed(amounts=["1,234", "5,6"])
    accepted(survey)
    assert survey.conventions(Hints()).decimal == ","
    assert survey.notes(Hints()) == [
        "The decimal sign of amounts is a comma, as '5,6' in line 3 shows; --decimal overrides it.",
        "1 amount has three decimals; the first is '1,234' in line 2.",
    ]


def test_amounts_that_can_be_read_in_two_ways_are_refused_with_both():
    survey = surveyed(amounts=["1.234", "7"])
    found = refused(survey)
    assert "'1.234' in line 2 is 1.234 or 1234, and no row shows which" in found.happened
    assert found.next_step == "Set the decimal sign: --decimal , or --decimal ."
    accepted(survey, decimal=".")
    assert survey.amounts.reading(Hints(decimal=".")) == ["decimal sign ."]


def test_numbers_that_the_file_holds_as_numbers_prove_nothing_and_are_not_ambiguous():
    survey = surveyed(amounts=["1.234e0", "2.5e0"])
    accepted(survey)
    assert survey.conventions(Hints()).decimal == ""


@pytest.mark.parametrize(("amounts", "whole"), [([1.0, 2.0], True), ([1.0, 2.5], False), ([1, 2], True)])
def test_typed_amounts_are_whole_or_not(amounts: list[float], whole: bool):
    assert surveyed(amounts=amounts).conventions(Hints()).whole == whole


def test_a_table_without_such_columns_has_nothing_to_say():
    survey = Survey()
    survey.see(None, None, [])
    accepted(survey)
    assert survey.notes(Hints()) == []
