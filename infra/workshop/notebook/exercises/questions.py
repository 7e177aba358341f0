"""Quick questions at the end of a lesson: multiple choice, with an explanation of every choice."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_lowercase

from workshop.notebook.exercises.engine import exercise, require
from workshop.notebook.exercises.verdict import QUESTIONS, Verdict


class Question:
    """One question: its right choice, and why each choice is right or wrong.

    The question and the texts of its choices stand in the notebook.
    """

    def __init__(self, right: str, **why: str) -> None:
        """Args: right: the letter of the right choice; why: the explanation of each choice by its letter."""
        if list(why) != list(ascii_lowercase[: len(why)]) or right not in why:
            raise ValueError(f"choices {list(why)} with the right one {right!r}: they are a, b, c … in order")
        self.right, self.why = right, why


def quick_questions(lesson: str, *questions: Question) -> Callable[[object], Verdict]:
    """Return the check of a lesson's quick questions.

    The check takes one letter for each question, in order, such as "bda"; spaces, commas and capitals do not matter,
    and a list or tuple of letters is as good.

    Args:
        lesson: its number, such as `03`.
    """

    @exercise(f"{lesson}.{QUESTIONS}", "quick questions")
    def check(choices: object) -> dict[str, str]:
        form = f'{len(questions)} letters, such as `choices = "{"abcd"[: len(questions)]}"`'
        require(choices, "unanswered", {"observed": "`choices` is empty", "expected": form})
        letters = _letters(choices)
        require(len(letters) == len(questions), "not yet", {"observed": f"`choices` is {choices!r}", "expected": form})
        said = dict(_explained(number, *one) for number, one in enumerate(zip(letters, questions, strict=True), 1))
        right = all(letter == question.right for letter, question in zip(letters, questions, strict=True))
        require(right, "not yet", said)
        return said

    check.questions = questions  # type: ignore[attr-defined]  # for the tests
    return check


def _letters(choices: object) -> list[str]:
    if isinstance(choices, dict):
        choices = list(choices.values())
    parts = choices if isinstance(choices, list | tuple) else str(choices)
    return [letter for part in parts for letter in str(part).lower() if letter.isalnum()]


def _explained(number: int, letter: str, question: Question) -> tuple[str, str]:
    """Return label and text for the choice of a letter."""
    sign = "✓" if letter == question.right else "✗"
    return f"{number} {letter} {sign}", question.why.get(letter, f"There is no choice {letter}.")
