"""Quick questions: every choice is explained, in whatever form the letters are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop.notebook.exercises import engine
from workshop.notebook.exercises.questions import Question, quick_questions


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)
    monkeypatch.setattr(engine, "TITLES", {})


@pytest.fixture
def check():
    return quick_questions("96", Question("b", a="No: cold.", b="Yes: warm."), Question("a", a="Right.", b="Never."))


@pytest.mark.parametrize("choices", ["ba", "BA", "b a", "b, a", ["b", "a"], ("B", "a"), "b)a)"])
def test_the_right_letters_pass_in_any_form(check, choices: object):
    verdict = check(choices)
    assert verdict.word == "passed"
    assert verdict.lines == (("1 b ✓", "Yes: warm."), ("2 a ✓", "Right."))
    assert verdict.title == "✓ Quick questions: passed"


def test_a_wrong_choice_is_explained_beside_the_right_ones(check):
    verdict = check("bb")
    assert verdict.word == "not yet"
    assert verdict.lines == (("1 b ✓", "Yes: warm."), ("2 b ✗", "Never."))


@pytest.mark.parametrize("nothing", [None, "", [], ()])
def test_nothing_is_unanswered(check, nothing: object):
    assert check(nothing).word == "unanswered"


@pytest.mark.parametrize("choices", ["b", "bab", 7, {"1": "b"}])
def test_another_number_of_letters_gets_the_form(check, choices: object):
    verdict = check(choices)
    assert verdict.word == "not yet"
    assert dict(verdict.lines)["expected"] == '2 letters, such as `choices = "ab"`'


def test_a_letter_without_a_choice_is_named(check):
    assert check("bz").lines[1] == ("2 z ✗", "There is no choice z.")


@pytest.mark.parametrize(("right", "why"), [("c", {"a": "", "b": ""}), ("a", {"b": ""}), ("a", {"b": "", "a": ""})])
def test_questions_whose_choices_are_not_in_order_or_lack_the_right_one_are_refused(right: str, why: dict):
    with pytest.raises(ValueError, match="in order"):
        Question(right, **why)
