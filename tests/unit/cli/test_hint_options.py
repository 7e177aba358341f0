"""Options about the format of a file."""

from __future__ import annotations

import argparse

import pytest
from workshop.cli.hint_options import ORDERS, UNITS, add_hints, hints
from workshop.ingest import dates
from workshop.ingest.hints import Hints


def parse(*words: str, amounts: bool = True) -> Hints:
    parser = argparse.ArgumentParser(prog="workshop")
    add_hints(parser, amounts=amounts)
    return hints(parser.parse_args(words))


def test_without_options_everything_is_found_out_from_the_file():
    assert parse() == parse(amounts=False) == Hints()


def test_every_option_is_a_hint():
    words = "--decimal , --dates day-first --time-unit ms --encoding cp1252 --delimiter tab --header a,b --sheet S"
    found = parse(*words.split())
    assert found == Hints("cp1252", "\t", ("a", "b"), ",", "day-first", "ms", "S")


def test_names_in_a_header_may_have_blanks_around_them():
    assert parse("--header", " a , b c").header == ("a", "b c")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--delimiter", "ab"), "'ab' is not a delimiter; give one character, or tab or blank"),
        (("--header", "a,,b"), "'a,,b' has an empty column name"),
        (("--header", ""), "'' has an empty column name"),
        (("--decimal", ";"), "invalid choice"),
        (("--time-unit", "h"), "invalid choice"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        parse(*words)
    assert said in capsys.readouterr().err


def test_a_log_without_amounts_has_no_decimal_sign(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parse("--decimal", ",", amounts=False)


def test_the_choices_are_those_that_can_be_read():
    assert set(ORDERS) == set(dates.ORDERS)
    assert set(UNITS) == set(dates.UNITS)
