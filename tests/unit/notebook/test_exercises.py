"""The exercise engine: every outcome is a verdict in words, and progress outlives the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka.errors import KafkaConnectionError
from workshop.base import learner_progress
from workshop.base.settings import Settings
from workshop.notebook.exercises import CheckFailed, exercise, expect, unanswered


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)


@exercise("98.1", "the answer")
def check_answer(answer: object) -> str:
    """Wants 42."""
    unanswered(answer is None, observed="`answer` is None")
    if answer == "broken":
        raise KafkaConnectionError("gone")
    expect(int(answer) == 42, observed=f"`answer` is {answer}", expected="42", hint="multiply <six> by nine")
    return "`answer` is 42"


def test_a_right_answer_passes_and_is_remembered():
    verdict = check_answer(42)
    assert verdict.word == "passed"
    assert "✓ 98.1" in verdict.row
    assert list(learner_progress.read(Settings.load())) == ["98.1"]
    assert "✓ 98.1" in check_answer(None).row, "what was passed once stays passed"


def test_a_wrong_answer_gets_what_was_seen_and_expected_and_a_hint():
    verdict = check_answer(41)
    assert verdict.word == "not yet"
    assert verdict.lines == (("observed", "`answer` is 41"), ("expected", "42"), ("hint", "multiply <six> by nine"))
    assert "○ 98.1" in verdict.row
    assert "✗ Exercise 98.1, the answer: not yet" in str(verdict)
    assert "multiply &lt;six&gt; by nine" in verdict._repr_html_()
    assert "<code>answer</code>" in verdict._repr_html_()


def test_no_answer_is_neither_wrong_nor_right():
    assert check_answer(None).word == "unanswered"
    assert learner_progress.read(Settings.load()) == {}


@pytest.mark.parametrize("answer", ["nonsense", object(), [], "broken"])
def test_whatever_an_answer_holds_it_never_ends_in_a_traceback(answer: object):
    verdict = check_answer(answer)
    assert verdict.word == "not yet"
    assert "could not" in dict(verdict.lines)["observed"]


@pytest.mark.parametrize("answer", [41, None, "nonsense", "broken"])
def test_in_a_rehearsal_whatever_is_not_passed_raises(answer: object, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKSHOP_STRICT", "1")
    with pytest.raises(CheckFailed, match=r"98\.1"):
        check_answer(answer)


def test_a_rehearsal_is_not_an_attendees_progress(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKSHOP_STRICT", "1")
    assert check_answer(42).word == "passed"
    assert learner_progress.read(Settings.load()) == {}


def test_a_damaged_progress_file_is_started_anew(tmp_path: Path):
    (tmp_path / "progress.json").write_text("{ half")
    assert check_answer(42).word == "passed"
    assert list(learner_progress.read(Settings.load())) == ["98.1"]
