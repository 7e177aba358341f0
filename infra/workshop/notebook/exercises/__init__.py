"""Exercises with automatic checks: a check inspects the cluster and reports what it observed."""

from workshop.notebook.exercises.engine import CheckFailed, exercise, expect, unanswered
from workshop.notebook.exercises.questions import Question, quick_questions
from workshop.notebook.exercises.verdict import Verdict

__all__ = ["CheckFailed", "Question", "Verdict", "exercise", "expect", "quick_questions", "unanswered"]
