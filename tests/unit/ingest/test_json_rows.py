"""JSON as rows: an object on each line, or an array of them, read piece by piece."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest import json_rows
from workshop.ingest.columns import Columns
from workshop.ingest.containers import recognise
from workshop.ingest.encoding import Encoding
from workshop.ingest.json_rows import JsonTable, is_json

WANTED = Columns(("at",), None, "Name the column at.", amount="amount")


def table(folder: Path, text: str) -> JsonTable:
    file = folder / "log.json"
    file.write_text(text)
    return JsonTable(recognise(file), Encoding(), WANTED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', True),
        ('\ufeff \n{"a"', True),
        ('[{"a": 1}]', True),
        ("[ \n{", True),
        ("[]", True),
        ("[1, 2]", False),
        ("a,b", False),
        ("", False),
    ],
)
def test_json_is_known_by_its_beginning(text: str, expected: bool):
    assert is_json(text) == expected


@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_an_array_is_read_whatever_the_pieces(tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_rows, "STEP", piece)
    made = table(tmp_path, '[ {"at": "1", "x": [1, {"y": "]"}]} ,\n{"at": "2"}, 5 ]\n')
    (chunk,) = made.chunks(10)
    assert chunk.columns["at"].to_pylist() == ["1", "2"]
    assert chunk.columns["x"].to_pylist() == ['[1, {"y": "]"}]', None]
    assert [(one.line, one.reason, one.raw) for one in chunk.refused] == [(3, "it is no JSON object", "5")]


def test_an_array_may_begin_behind_more_blanks_than_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_rows, "STEP", 4)
    (chunk,) = table(tmp_path, "\n" * 9 + '[{"at": "1"}]').chunks(10)
    assert chunk.columns["at"].to_pylist() == ["1"]


def test_numbers_stay_as_they_are_written_and_other_values_are_text(tmp_path: Path):
    row = '{"at": 1.50, "big": 123456789012345678901234567890, "yes": true, "no": null, "list": [1.0], "text": "é"}'
    (chunk,) = table(tmp_path, f"{row}\n").chunks(10)
    found = {name: column.to_pylist()[0] for name, column in chunk.columns.items()}
    assert found == {
        "at": "1.50",
        "big": "123456789012345678901234567890",
        "yes": "true",
        "no": None,
        "list": "[1.0]",
        "text": "é",
    }


def test_an_amount_that_is_a_number_is_marked_and_one_that_is_text_is_not(tmp_path: Path):
    (chunk,) = table(tmp_path, '{"at": "1", "amount": 1.234}\n{"at": "1", "amount": "1.234"}\n').chunks(10)
    assert chunk.columns["amount"].to_pylist() == ["1.234e0", "1.234"]


def test_lines_that_are_no_objects_are_refused_with_their_numbers(tmp_path: Path):
    (chunk,) = table(tmp_path, '{"at": "1"}\n\n{"at": \n[1]\n{"at": "2"}\n').chunks(10)
    assert list(chunk.lines) == [1, 5]
    assert [one.line for one in chunk.refused] == [3, 4]


def test_an_array_without_an_end_is_damaged_at_an_object(tmp_path: Path):
    made = table(tmp_path, json.dumps([{"at": "1"}] * 1_500)[:-20])
    with pytest.raises(WorkshopError, match=r"is a JSON array that is damaged at object 1,4\d\d"):
        list(made.chunks(100))


@pytest.mark.parametrize("text", ["[]", "{\n", "[ ]"])
def test_a_file_without_an_object_is_refused(tmp_path: Path, text: str):
    with pytest.raises(WorkshopError, match="holds no rows"):
        table(tmp_path, text)


def test_names_are_compared_without_blanks_and_with_accents_in_one_way(tmp_path: Path):
    (chunk,) = table(tmp_path, '{" at ": "1", "cafe\\u0301": {"x": 1}}\n').chunks(10)
    assert chunk.columns["at"].to_pylist() == ["1"]
    assert chunk.columns["café"].to_pylist() == ['{"x": 1}']


def test_a_deeply_nested_line_is_refused_and_not_an_error(tmp_path: Path):
    deep = '{"at": ' + "[" * 200_000 + "\n"
    (chunk,) = table(tmp_path, '{"at": "1"}\n' + deep).chunks(10)
    assert [one.line for one in chunk.refused] == [2]
