"""One reader of environment variables: what it takes, and the sentence about what it does not take."""

from __future__ import annotations

import re

import pytest
from workshop.base.variables import Form, InvalidVariable, Variables

WORD = Form(re.compile(r"[a-z]+"), "small letters")
ADDRESS = re.compile(r"([a-z.-]+):([0-9]{1,5})")


def of(value: str | None) -> Variables:
    """An environment with one variable, or without it."""
    return Variables({} if value is None else {"X": value})


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_variable_counts_as_not_set(value: str | None):
    given = of(value)
    assert given.given("X") == ""
    assert given.text("X", "The Default", WORD) == "The Default"
    assert given.choice("X", ("a", "b")) == "a"
    assert given.switch("X") is True
    assert given.flag("X") is False
    assert given.whole("X", 7, 1, 9) == 7
    assert given.number("X", 1.0, 0.2, 5.0) == 1.0
    assert given.milliseconds("X", 100, 0, 5_000) == 0.1
    assert given.addresses("X", ADDRESS, "a:1") == ()


def test_valid_values():
    assert of("word").text("X", "", WORD) == "word"
    assert of("b").choice("X", ("a", "b")) == "b"
    assert of("off").switch("X") is False
    assert (of("0").flag("X"), of("1").flag("X")) == (False, True)
    assert of("1").whole("X", 7, 1, 9) == 1
    assert of("2.5e-1").number("X", 1.0, 0.2, 5.0) == 0.25
    assert of("250").milliseconds("X", 0, 0, 5_000) == 0.25
    assert of("a:1, b.c:65535,").addresses("X", ADDRESS, "a:1") == ("a:1", "b.c:65535")


@pytest.mark.parametrize("value", ["0", "10", "-1", "1.5", "1e0", " 5", "5_0", "\u0665", "five"])
def test_what_is_no_whole_number_within_its_bounds(value: str):
    with pytest.raises(InvalidVariable, match=re.escape(f"X is '{value}'. It takes a whole number from 1 to 9.")):
        of(value).whole("X", 7, 1, 9)


@pytest.mark.parametrize("value", ["0.1", "6", "nan", "inf", "-inf", "fast"])
def test_what_is_no_number_within_its_bounds(value: str):
    with pytest.raises(InvalidVariable, match=re.escape(f"X is '{value}'. It takes a number from 0.2 to 5.")):
        of(value).number("X", 1.0, 0.2, 5.0)


def test_a_text_of_another_form_a_choice_and_a_switch():
    with pytest.raises(InvalidVariable, match=r"^X is 'Two words'. It takes small letters.$"):
        of("Two words").text("X", "", WORD)
    with pytest.raises(InvalidVariable, match=r"^X is 'c', which is not known. It takes one of: a, b.$"):
        of("c").choice("X", ("a", "b"))
    with pytest.raises(InvalidVariable, match=r"It takes one of: on, off.$"):
        of("1").switch("X")


@pytest.mark.parametrize("value", ["a", "a:0", "a:65536", "a:1;b:2", ",", "a:1,b"])
def test_what_is_no_list_of_addresses(value: str):
    with pytest.raises(InvalidVariable, match=r"It takes addresses such as a:1, with commas.$"):
        of(value).addresses("X", ADDRESS, "a:1")
