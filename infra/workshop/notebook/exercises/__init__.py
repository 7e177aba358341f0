"""Exercises that check themselves: a check asks the cluster what the attendee's code did, and says what it saw."""

from workshop.notebook.exercises.engine import CheckFailed, exercise, expect, unanswered
from workshop.notebook.exercises.verdict import Verdict

__all__ = ["CheckFailed", "Verdict", "exercise", "expect", "unanswered"]
