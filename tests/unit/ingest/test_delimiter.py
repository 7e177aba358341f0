"""What separates the columns of a table: found in its first lines, or named by the user."""

from __future__ import annotations

import csv
import re

import pytest
from workshop.ingest.delimiter import BLANKS, WIDE_BLANKS, Delimiter, layout, named


@pytest.mark.parametrize(
    ("text", "sign"), [(";", ";"), ("TAB", "\t"), ("\\t", "\t"), ("blank", " "), ("Pipe", "|"), ("^", "^")]
)
def test_a_sign_may_be_named(text: str, sign: str):
    assert named(text) == sign


@pytest.mark.parametrize("text", ["", "ab", "a", "1", '"', "\n", "\0", "colon"])
def test_what_cannot_separate_columns_is_refused(text: str):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        named(text)


@pytest.mark.parametrize(
    ("lines", "sign", "header", "skipped"),
    [
        (["a,b\n", "1,2\n"], ",", ["a", "b"], 1),
        (["a;b\n", '"1,5";2\n'], ";", ["a", "b"], 1),
        (["a\tb\n", "1, 2\t3\n"], "\t", ["a", "b"], 1),
        (["\n", "  \n", "\ufeffa|b\n", "1|2\n"], "|", ["a", "b"], 3),
        (["a b\n", "1 2\n"], BLANKS, ["a", "b"], 1),
        (["a b  c\n", "1 2  3\n"], WIDE_BLANKS, ["a b", "c"], 1),
        (["sep=;\n", "a;b\n"], ";", ["a", "b"], 2),
        (['"SEP=|"\n', "\n", "a|b\n"], "|", ["a", "b"], 3),
    ],
)
def test_the_delimiter_is_found(lines: list[str], sign: str, header: list[str], skipped: int):
    found = layout(lines, [header[0]])
    assert (found.delimiter.sign, found.header, found.skipped) == (sign, header, skipped)


def test_the_sign_that_gives_the_wanted_columns_wins_over_more_columns():
    found = layout(["at;amount, in, euros\n", "1;2, 3, 4\n"], ["at"])
    assert found.header == ["at", "amount, in, euros"]


def test_a_sign_that_the_user_names_is_not_looked_for():
    assert layout(["a,b;c\n"], ["a"], sign=";").header == ["a,b", "c"]


def test_names_that_the_user_gives_leave_every_line_a_row():
    found = layout(["1;2\n", "3;4\n"], ["b"], header=("a", "b"))
    assert (found.delimiter.sign, found.header, found.skipped) == (";", ["a", "b"], 0)


@pytest.mark.parametrize("lines", [[], ["\n", " \n"]])
def test_a_text_without_a_line_has_no_columns(lines: list[str]):
    assert layout(lines, ["a"]).header == []


def test_a_quoted_field_may_hold_the_sign_and_line_breaks():
    assert list(Delimiter(",").rows(['"a,b\n', 'c",d\n'])) == [["a,b\nc", "d"]]


def test_several_blanks_are_one_delimiter_or_part_of_a_value():
    assert list(Delimiter(WIDE_BLANKS).rows(["a b   c\n", "\n"])) == [["a b", "c"], []]
    assert list(Delimiter(BLANKS).rows(["a  b\tc\n"])) == [["a", "b", "c"]]


def test_a_quotation_mark_without_an_end_is_an_error():
    with pytest.raises(csv.Error):
        list(Delimiter(",").rows(['a,"b\n']))


@pytest.mark.parametrize(("sign", "words"), [(",", "a comma"), ("\t", "a tab"), (" ", "blanks"), ("^", "'^'")])
def test_a_delimiter_is_named_in_words(sign: str, words: str):
    assert str(Delimiter(sign)) == words
