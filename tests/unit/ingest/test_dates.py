"""Times in any order: a column that shows its order is read so, one that does not is refused once, with the option."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop.ingest.dates import Unreadable, moment

from .logs import accepted, refusal, with_times

DAY_FIRST = {
    "31/12/2023 23:59": datetime(2023, 12, 31, 23, 59),
    "02/01/2024 10:00": datetime(2024, 1, 2, 10),
    "3.1.2024 9.05": datetime(2024, 1, 3, 9, 5),
    "04-01-2024": datetime(2024, 1, 4),
    "2024-01-05T10:00:00+01:00": datetime(2024, 1, 5, 9),
    "6 janv. 2024 à 10h05": datetime(2024, 1, 6, 10, 5),
}
MONTH_FIRST = {
    "01/31/2024 10:00 PM": datetime(2024, 1, 31, 22),
    "1/2/2024 9:05": datetime(2024, 1, 2, 9, 5),
    "1/3/2024 12:30 a.m.": datetime(2024, 1, 3, 0, 30),
    "1/4/2024, 12:30:15 P.M.": datetime(2024, 1, 4, 12, 30, 15),
    "1/5/2024 10:00\u202fpm": datetime(2024, 1, 5, 22),
    "Jan 6, 2024 5 p. m.": datetime(2024, 1, 6, 17),
    "07-Jan-2024": datetime(2024, 1, 7),
}


@pytest.mark.parametrize("column", [DAY_FIRST, MONTH_FIRST])
def test_one_day_above_twelve_shows_the_order_of_its_column(column: dict, tmp_path: Path) -> None:
    prepared, found = accepted(with_times(tmp_path, *column))
    assert found.refused == []
    assert found.at.tolist() == list(column.values())
    proof = next(iter(column))
    assert any(f"'{proof}' in line 2 shows" in note for note in prepared.notes)


def test_a_column_that_shows_no_order_is_refused_once_until_the_option_decides(tmp_path: Path) -> None:
    path = with_times(tmp_path, "03/04/2024 10:00", "05/06/2024 10:00")
    said = refusal(path)
    assert "'03/04/2024 10:00' in line 2" in said
    assert "--dates day-first or --dates month-first" in said
    assert accepted(path, dates="day-first")[1].at.tolist()[0] == datetime(2024, 4, 3, 10)
    assert accepted(path, dates="month-first")[1].at.tolist()[0] == datetime(2024, 3, 4, 10)


def test_a_column_of_both_orders_is_refused_with_both_rows(tmp_path: Path) -> None:
    said = refusal(with_times(tmp_path, *["2024-01-01"] * 30, "31/12/2023", "12/31/2023", "01/02/2024"))
    assert "'31/12/2023' in line 32" in said
    assert "'12/31/2023' in line 33" in said


def test_among_many_clear_times_an_ambiguous_one_is_refused_by_itself(tmp_path: Path) -> None:
    _, found = accepted(with_times(tmp_path, *["2024-01-01"] * 10, "03/04/2024"))
    assert len(found.customer) == 10
    assert "either way round" in found.refused[0].reason
    assert "--dates" in found.refused[0].reason


def test_years_of_two_digits_are_read_by_option_only(tmp_path: Path) -> None:
    path = with_times(tmp_path, "01/31/2024 10:00 PM", "1/2/24 9:05", "12/31/69", "1/1/70")
    said = refusal(path)
    assert "years of two digits: '1/2/24 9:05' in line 3" in said
    assert "--dates" in said
    found = accepted(path, dates="month-first")[1]
    assert found.at.tolist()[1:] == [datetime(2024, 1, 2, 9, 5), datetime(1970, 1, 1)]
    assert "not between 1970 and 2200" in found.refused[0].reason
    assert moment("24-01-31", "year-first", short_years=True) == moment("2024-01-31")


@pytest.mark.parametrize(
    ("number", "unit"),
    [("1704103200" + "0" * zeros, unit) for zeros, unit in ((0, "s"), (3, "ms"), (6, "us"), (9, "ns"))],
)
def test_numbers_are_times_in_a_unit_that_is_said(number: str, unit: str, tmp_path: Path) -> None:
    path = with_times(tmp_path, number, number)
    assert f"--time-unit {unit} reads that one as 2024-01-01 10:00:00" in refusal(path)
    assert accepted(path, time_unit=unit)[1].at.tolist() == [datetime(2024, 1, 1, 10)] * 2
    columns = {"CUSTOMER_ID": ["a"] * 2, "TX_AMOUNT": [1.0] * 2}
    for values in (pa.array([int(number), None]), pa.array([float(number), None]), pa.array([number, "-5"])):
        pq.write_table(pa.table({"TX_DATETIME": values, **columns}), tmp_path / "log.parquet")
        assert f"--time-unit {unit}" in refusal(tmp_path / "log.parquet")
        found = accepted(tmp_path / "log.parquet", time_unit=unit)[1]
        assert found.at.tolist() == [datetime(2024, 1, 1, 10)]
        assert "not between 1970 and 2200" in found.refused[0].reason


def test_a_date_without_signs_is_a_date(tmp_path: Path) -> None:
    _, found = accepted(with_times(tmp_path, "19970101", "20240131T101500Z", "20240131101500"))
    assert found.at.tolist() == [datetime(1997, 1, 1), *[datetime(2024, 1, 31, 10, 15)] * 2]


def test_what_is_finer_than_a_millisecond_is_said_once(tmp_path: Path) -> None:
    prepared, found = accepted(
        with_times(tmp_path, "2024-01-01 10:00:00.123456", "2024-01-01 10:00:00.5", "31/01/2024 10:00:00,1239")
    )
    assert found.at.tolist() == [datetime(2024, 1, 1, 10, 0, 0, us) for us in (123_000, 500_000)] + [
        datetime(2024, 1, 31, 10, 0, 0, 123_000)
    ]
    assert [note for note in prepared.notes if "cut to milliseconds" in note] == [
        "2 times were cut to milliseconds; the first is '2024-01-01 10:00:00.123456' in line 2."
    ]
    times = pa.array([1704103200_000_000_001, 1704103200_000_000_000], pa.timestamp("ns"))
    pq.write_table(
        pa.table({"TX_DATETIME": times, "CUSTOMER_ID": ["a"] * 2, "TX_AMOUNT": [1.0] * 2}), tmp_path / "log.parquet"
    )
    assert "1 time was cut to milliseconds" in accepted(tmp_path / "log.parquet")[0].notes[0]


@pytest.mark.parametrize("text", ["2024-01-01 10:00 CET", "2024-01-01 10:00 Europe/Paris"])
def test_the_name_of_a_time_zone_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(Unreadable, match=r"write it as \+01:00"):
        moment(text)


@pytest.mark.parametrize(
    "text", ["31/13/2024", "2024-02-30", "01/02/2024 13:00 PM", "01/31/2024 00:30 PM", "31/02/2024"]
)
def test_a_time_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="does not exist"):
        moment(text, "month-first" if "PM" in text else "day-first")


@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)), st.sampled_from("/.-"), st.booleans(), st.booleans())
def test_either_order_gives_the_same_moment(at: datetime, sign: str, day_first: bool, half: bool) -> None:
    clock = f"{at:%I:%M:%S %p}" if half else f"{at:%H:%M:%S}"
    parts = (at.day, at.month) if day_first else (at.month, at.day)
    text = f"{parts[0]:02d}{sign}{parts[1]}{sign}{at.year} {clock}"
    order = "day-first" if day_first else "month-first"
    assert moment(text, order) == moment(f"{at:%Y-%m-%d %H:%M:%S}")
