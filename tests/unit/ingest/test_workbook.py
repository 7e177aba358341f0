"""The sheet of a workbook as rows of text."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest import workbook as module
from workshop.ingest.columns import Columns
from workshop.ingest.hints import Hints
from workshop.ingest.workbook import WorkbookTable

from .workbooks import DATE, workbook

WANTED = Columns(("at", "amount"), (), "Name the columns at and amount.", time="at", amount="amount")
HEAD = ["at", "amount"]


def read(path: Path, **hints: object) -> tuple[list[str], list[str], list[int]]:
    (chunk,) = WorkbookTable(path, Hints(**hints), WANTED).chunks(100)
    return chunk.columns["at"].to_pylist(), chunk.columns["amount"].to_pylist(), list(chunk.lines)


def test_cells_are_read_as_they_are_shown(tmp_path: Path):
    rows = [[None], HEAD, [(DATE, 43215.5), 12], ["text", "1.5"], [None, None], ["x", 1.25]]
    times, amounts, lines = read(workbook(tmp_path / "log.xlsx", {"one": rows}))
    assert times == ["2018-04-25 12:00:00", "text", "x"]
    assert amounts == ["12", "1.5", "1.25e0"]
    assert lines == [3, 4, 6]


def test_a_number_of_days_in_the_column_of_times_is_a_time(tmp_path: Path):
    path = workbook(tmp_path / "log.xlsx", {"one": [HEAD, [43215.25, 43215.25], [3, 1]]})
    times, amounts, _ = read(path)
    assert times == ["2018-04-25 06:00:00", "3"]
    assert amounts == ["43215.25e0", "1"]


def test_days_may_be_counted_from_1904(tmp_path: Path):
    path = workbook(tmp_path / "log.xlsx", {"one": [HEAD, [41753.25, 1]]}, base='<workbookPr date1904="1"/>')
    assert read(path)[0] == ["2018-04-25 06:00:00"]


def test_the_first_sheet_that_is_shown_is_taken_and_the_others_are_told(tmp_path: Path):
    sheets = {"hidden": [["x"]], "second": [HEAD, ["a", 1]], "third": [HEAD, ["b", 2]]}
    path = workbook(tmp_path / "log.xlsx", sheets, hidden=("hidden",))
    made = WorkbookTable(path, Hints(), WANTED)
    assert made.notes == ["Read from the sheet second, the first of 2; --sheet NAME selects another one: third."]
    assert read(path, sheet="third")[0] == ["b"]
    assert WorkbookTable(path, Hints(sheet="third"), WANTED).reading == "sheet third"


def test_a_sheet_that_is_not_there_is_told_with_those_that_are(tmp_path: Path):
    path = workbook(tmp_path / "log.xlsx", {"one": [HEAD], "two": [HEAD]})
    with pytest.raises(
        WorkshopError, match=r"has no sheet 'three'; its sheets are: one, two\. Choose one of them: --sheet"
    ):
        WorkbookTable(path, Hints(sheet="three"), WANTED)


def test_names_that_the_user_gives_leave_every_row_a_row(tmp_path: Path):
    path = workbook(tmp_path / "log.xlsx", {"one": [["a", 1], ["b", 2]]})
    assert read(path, header=("at", "amount"))[0] == ["a", "b"]


@pytest.mark.parametrize(("limit", "said"), [("MOST_BYTES", "unpacks to 0 MB"), ("MOST_CELLS", "3 rows and 2 columns")])
def test_a_workbook_that_would_fill_the_memory_is_refused_before_it_is_opened(
    tmp_path: Path, limit: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    path = workbook(tmp_path / "log.xlsx", {"one": [HEAD, ["a", 1], ["b", 2]]})
    monkeypatch.setattr(module, limit, 5)
    with pytest.raises(WorkshopError, match=f"{said}.* too large"):
        WorkbookTable(path, Hints(), WANTED)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (12345.0, "12345"),
        (0.1 + 0.2, "0.3"),
        (-1.5, "-1.5"),
        (1e20, "1e+20"),
        (True, "true"),
        (None, ""),
        (datetime(2018, 4, 25, 12, 0, 0, 499), "2018-04-25 12:00:00"),
        (datetime(2018, 4, 25, 12, 59, 59, 999_600), "2018-04-25 13:00:00"),
        (datetime(2018, 4, 25, 12, 0, 0, 1_000), "2018-04-25 12:00:00.001"),
        (date(2018, 4, 25), "2018-04-25"),
        (time(12, 30), "12:30:00"),
    ],
)
def test_a_cell_is_written_without_the_errors_of_floating_numbers(cell: object, text: str):
    assert module._text(cell) == text


@pytest.mark.parametrize(("column", "place"), [(b"A", 1), (b"Z", 26), (b"AA", 27), (b"XFD", 16_384)])
def test_letters_of_columns_are_numbers(column: bytes, place: int):
    assert module._place(column) == place
