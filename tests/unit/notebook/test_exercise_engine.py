"""The engine of checks: what a check raises becomes a word and lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from kafka.errors import KafkaTimeoutError
from workshop.base.errors import WorkshopError
from workshop.notebook.exercises import engine
from workshop.notebook.exercises.verdict import Verdict


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)
    monkeypatch.setattr(engine, "TITLES", {})


def outcome(check: Callable[[], str]) -> Verdict:
    return engine.exercise("97.1", "a title")(check)()


def raising(error: Exception) -> Callable[[], str]:
    def check() -> str:
        raise error

    return check


def test_the_sentence_of_one_who_passed_is_shown():
    assert outcome(lambda: "well done").lines == (("observed", "well done"),)


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (WorkshopError("It is away.", "Start it."), (("observed", "It is away."), ("hint", "Start it."))),
        (WorkshopError("No.", "", "1\n2\n3"), (("observed", "No."), ("said", "2 · 3"))),
    ],
)
def test_an_error_of_the_workshop_is_not_yet_with_its_sentences(error: Exception, lines: tuple):
    verdict = outcome(raising(error))
    assert (verdict.word, verdict.lines) == ("not yet", lines)


def test_kafka_that_is_away_is_told_as_such():
    verdict = outcome(raising(KafkaTimeoutError("late")))
    assert verdict.lines[0] == ("observed", "the check could not ask Kafka: KafkaTimeoutError")


def test_the_row_has_the_exercises_of_the_same_lesson_in_order():
    for name in ("97.2", "96.1", "97.10"):
        engine.exercise(name, "a title")(lambda: "passed")
    assert outcome(lambda: "passed").row == "this lesson's exercises: ✓ 97.1   ○ 97.10   ○ 97.2"


def test_a_wrong_answer_after_a_right_one_says_that_the_right_one_was_before():
    answer = {"right": True}

    def check() -> str:
        engine.expect(answer["right"], observed="1", expected="2")
        return "well done"

    run = engine.exercise("97.1", "a title")(check)
    assert run().row == "this lesson's exercises: ✓ 97.1"
    answer["right"] = False
    assert run().row == "this lesson's exercises: ✓ 97.1 (passed before)"
    assert run().word == "not yet"


def test_a_hint_that_is_empty_is_left_out():
    def check() -> str:
        engine.expect(False, observed="1", expected="2")
        return ""

    assert outcome(check).lines == (("observed", "1"), ("expected", "2"))


def test_a_check_keeps_its_name_and_gets_its_arguments():
    @engine.exercise("97.3", "a title")
    def check_it(one: int, *, other: int) -> str:
        """What it wants."""
        return f"{one + other}"

    assert check_it.__name__ == "check_it"
    assert check_it(1, other=2).lines == (("observed", "3"),)


def test_a_rehearsal_raises_what_is_not_passed_with_the_traceback_of_the_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKSHOP_STRICT", "1")
    with pytest.raises(engine.CheckFailed, match="not yet") as failed:
        outcome(raising(WorkshopError("It is away.")))
    assert "WorkshopError: It is away." in failed.value.detail
    assert "Traceback" in failed.value.detail


@pytest.mark.parametrize("error", [ZeroDivisionError("a defect"), KafkaTimeoutError("no answer")])
def test_a_rehearsal_shows_the_traceback_of_an_unforeseen_error(error: Exception, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKSHOP_STRICT", "1")
    with pytest.raises(engine.CheckFailed) as failed:
        outcome(raising(error))
    assert f"{type(error).__name__}: " in failed.value.detail
    assert "Traceback" in failed.value.detail
