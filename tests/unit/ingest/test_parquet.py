"""Parquet files as rows."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest.columns import Columns
from workshop.ingest.parquet import ParquetTable

WANTED = Columns(("at", "card"), ("note",), "Name the columns at and card.")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "log.parquet"
    cards = pa.array(["a", "b", "a"]).dictionary_encode()
    pq.write_table(pa.table({" card": cards, "at": [1, 2, None], "other": ["x", "y", "z"]}), path)
    return path


def test_columns_keep_their_types_and_categories_become_text(file: Path):
    (chunk,) = ParquetTable(file, WANTED).chunks(10)
    assert chunk.columns["at"].type == pa.int64()
    assert chunk.columns["card"].type == pa.string()
    assert chunk.columns["card"].to_pylist() == ["a", "b", "a"]
    assert list(chunk.columns) == ["at", "card"]


def test_rows_are_numbered_from_one_over_all_chunks(file: Path):
    chunks = list(ParquetTable(file, WANTED).chunks(2))
    assert [list(chunk.lines) for chunk in chunks] == [[1, 2], [3]]
    assert [chunk.share for chunk in chunks] == [pytest.approx(2 / 3), 1.0]


def test_a_row_is_shown_whole_with_the_columns_that_are_not_read(file: Path):
    (chunk,) = ParquetTable(file, WANTED).chunks(10)
    assert json.loads(chunk.show(1)) == {" card": "b", "at": 2, "other": "y"}


def test_evidence_is_some_columns_only(file: Path):
    (chunk,) = ParquetTable(file, WANTED).evidence(["at"], 10)
    assert list(chunk.columns) == ["at"]


def test_a_missing_column_is_named(file: Path):
    with pytest.raises(WorkshopError, match=r"log\.parquet has no column terminal; its columns are: card, at, other\."):
        ParquetTable(file, Columns(("terminal",), (), "Name it."))


def test_a_file_that_is_cut_off_is_a_sentence(file: Path):
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(WorkshopError, match=r"log\.parquet cannot be read: "):
        ParquetTable(file, WANTED)
