"""Tables of text: rows in chunks, lines that are counted right, and rows that are refused one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest import delimited
from workshop.ingest.columns import Columns
from workshop.ingest.containers import recognise
from workshop.ingest.delimited import DelimitedTable
from workshop.ingest.encoding import Encoding
from workshop.ingest.hints import Hints

WANTED = Columns(("a", "b"), (), "Name the columns a and b.")


def table(folder: Path, text: str | bytes, encoding: Encoding | None = None, **hints: object) -> DelimitedTable:
    file = folder / "log.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return DelimitedTable(recognise(file), encoding or Encoding(), Hints(**hints), WANTED)


def rows(made: DelimitedTable, size: int = 100) -> list[tuple[int, str, str]]:
    return [
        (line, a, b)
        for chunk in made.chunks(size)
        for line, a, b in zip(chunk.lines, chunk.columns["a"].to_pylist(), chunk.columns["b"].to_pylist(), strict=True)
    ]


TEXT = 'b,a\n1,x\n\n2,"y\nz"\n3,w\n'


@pytest.mark.parametrize("size", [1, 2, 100])
def test_rows_have_the_numbers_of_their_first_lines_whatever_the_chunks(tmp_path: Path, size: int):
    assert rows(table(tmp_path, TEXT), size) == [(2, "x", "1"), (4, "y\nz", "2"), (6, "w", "3")]


def test_evidence_is_the_same_with_and_without_quotation_marks(tmp_path: Path):
    plain = table(tmp_path, "a,b\n1,2\n3,4\n")
    assert [chunk.columns["b"].to_pylist() for chunk in plain.evidence(["b"], 10)] == [["2", "4"]]
    assert [list(chunk.lines) for chunk in plain.evidence(["b"], 10)] == [[2, 3]]
    quoted = table(tmp_path, TEXT)
    assert [chunk.columns["b"].to_pylist() for chunk in quoted.evidence(["b"], 10)] == [["1", "2", "3"]]


def test_blocks_after_which_a_quotation_mark_comes_are_continued_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delimited, "BLOCK", 8)
    made = table(tmp_path, 'a,b\n1,2\n3,4\n5,6\n7,"8"\n')
    found = [
        (line, b) for chunk in made.evidence(["b"], 10) for line, b in zip(chunk.lines, chunk.columns["b"], strict=True)
    ]
    assert [(line, str(b)) for line, b in found] == [(2, "2"), (3, "4"), (4, "6"), (5, "8")]


def test_rows_with_another_number_of_fields_are_refused_with_their_text(tmp_path: Path):
    (chunk,) = table(tmp_path, "a,b\n1,2\n1\n1,2,3\n").chunks(10)
    assert [(one.line, one.reason, one.raw) for one in chunk.refused] == [
        (3, "it has 1 fields, and the header has 2", "1"),
        (4, "it has 3 fields, and the header has 2", "1,2,3"),
    ]
    assert chunk.show(0) == "1,2"


def test_a_stray_quotation_mark_does_not_swallow_the_lines_below_it(tmp_path: Path):
    (chunk,) = table(tmp_path, 'a,b\n1,"2\n3,4\n5,6\n').chunks(10)
    assert chunk.columns["a"].to_pylist() == ["3", "5"]
    assert [(one.line, one.reason) for one in chunk.refused] == [(2, "a quotation mark has no end, or text follows it")]


def test_a_row_with_damaged_text_is_refused_and_shown_as_bytes(tmp_path: Path):
    (chunk,) = table(tmp_path, b"a,b\n1,2\n\xff,3\n", Encoding(damaged=True)).chunks(10)
    assert chunk.columns["a"].to_pylist() == ["1"]
    assert [(one.line, one.reason, one.raw) for one in chunk.refused] == [(3, "it is not UTF-8 text", "\\xff,3")]


def test_a_missing_column_is_told_with_the_delimiter_that_was_found(tmp_path: Path):
    with pytest.raises(WorkshopError, match=r"no column b; its columns are: a, c \(separated by a semicolon\)"):
        table(tmp_path, "a;c\n1;2\n")


def test_how_it_was_read_is_told_only_if_the_user_named_the_delimiter(tmp_path: Path):
    assert table(tmp_path, "a;b\n").reading == ""
    assert table(tmp_path, "a;b\n", delimiter=";").reading == "separated by a semicolon"


def test_the_share_that_is_done_grows_up_to_the_whole(tmp_path: Path):
    shares = [chunk.share for chunk in table(tmp_path, "a,b\n" + "1,2\n" * 50_000).chunks(10_000)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
