"""Text of a user's file as it may be shown on a terminal."""

from __future__ import annotations

import pytest
from workshop.domain.escaped import LONGEST, MOST, escaped, listed


@pytest.mark.parametrize(
    ("text", "shown"),
    [("café", "café"), ("a\x1b[31mb", "a\\x1b[31mb"), ("a\nb", "a\\nb"), ("\u202e", "\\u202e"), ("", "")],
)
def test_what_cannot_be_printed_is_written_as_an_escape(text: str, shown: str):
    assert escaped(text) == shown


def test_a_long_text_is_cut():
    assert escaped("x" * LONGEST) == "x" * LONGEST
    assert escaped("x" * (LONGEST + 1)) == "x" * (LONGEST - 1) + "…"
    assert escaped("abc", 2) == "a…"


def test_names_are_listed_up_to_a_number():
    assert listed([]) == "none"
    assert listed(["a", "b\x07"]) == "a, b\\x07"
    assert listed(map(str, range(MOST + 2))).endswith(f"{MOST - 1} and 2 more")
