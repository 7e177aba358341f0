"""What commands print that take a while."""

from __future__ import annotations

import io

import pytest
from kafka.errors import KafkaTimeoutError
from rich.console import Console
from workshop.base.errors import WorkshopError
from workshop.cli.output import bar, kafka_as_sentences, refused_rows, tell_notes


def test_an_error_of_kafka_is_a_sentence():
    with pytest.raises(WorkshopError, match=r"Kafka reports KafkaTimeoutError\."), kafka_as_sentences():
        raise KafkaTimeoutError("late")


def test_another_error_stays_as_it_is():
    with pytest.raises(ZeroDivisionError), kafka_as_sentences():
        raise ZeroDivisionError


def test_without_a_terminal_a_bar_is_one_line_at_its_end(capsys: pytest.CaptureFixture[str]):
    with bar("publishing") as told:
        told(0.5)
        assert capsys.readouterr().err == ""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("✓ publishing 100 % ")


def test_a_bar_of_work_that_failed_does_not_say_that_it_is_done(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(ZeroDivisionError), bar("publishing"):
        raise ZeroDivisionError
    assert "✓" not in capsys.readouterr().err


def test_notes_are_printed_as_they_stand():
    out = io.StringIO()
    tell_notes(Console(file=out, width=80), ["Read from the sheet [bold]x[/]."])
    assert out.getvalue() == "Read from the sheet [bold]x[/].\n"


@pytest.mark.parametrize(("count", "said"), [(1, "1 row was refused"), (2_000, "2,000 rows were refused")])
def test_refused_rows_are_told_with_their_topic(count: int, said: str):
    assert refused_rows(count, "cards") == f"{said}: each is in cards-dead-letters, with its line and the reason."
