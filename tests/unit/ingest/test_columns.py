"""Columns that are wanted, and those that a file has."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest.columns import Columns, column_name

FILE = Path("log.csv")
WANTED = Columns(("at", "card"), ("place",), "Name the columns at and card.")
EVERY = Columns(("at",), None, "Name the column at.")


def test_mandatory_columns_come_first_then_the_optional_ones_that_are_there():
    assert WANTED.among(["place", "card", "other", "at"]) == ["at", "card", "place"]
    assert WANTED.among(["card", "at"]) == ["at", "card"]


def test_every_other_column_is_read_where_no_names_are_given():
    assert EVERY.among(["b", "at", "", "a", "b"]) == ["at", "b", "a"]


def test_a_file_with_all_columns_passes():
    WANTED.check(["card", "at", "other", "other"], FILE)


def test_missing_columns_are_named_with_those_that_were_found():
    with pytest.raises(WorkshopError) as refused:
        WANTED.check(["a", "b"], FILE, "a comma")
    assert refused.value.happened == (
        "log.csv has no column at and no column card; its columns are: a, b (separated by a comma)."
    )
    assert refused.value.next_step == (
        "Name the columns at and card. If another sign separates its columns: --delimiter SIGN."
    )


def test_a_file_that_is_not_delimited_gets_no_advice_about_delimiters():
    with pytest.raises(WorkshopError) as refused:
        WANTED.check(["at"], FILE)
    assert "--delimiter" not in str(refused.value)


def test_a_column_that_is_read_may_stand_there_once_only():
    with pytest.raises(WorkshopError, match=r"has the column card more than once\."):
        WANTED.check(["at", "card", "card"], FILE)


@pytest.mark.parametrize(
    ("text", "name"), [(" at ", "at"), ("\ufeffat", "at"), ("\ufeff at\t", "at"), ("cafe\u0301", "café")]
)
def test_a_name_is_compared_without_blanks_and_with_accents_in_one_way(text: str, name: str):
    assert column_name(text) == name
