"""Exercises with automatic checks: a check inspects the cluster and reports what it observed."""

from workshop.notebook.exercises.engine import CheckFailed, exercise, expect, unanswered
from workshop.notebook.exercises.verdict import Verdict

__all__ = ["CheckFailed", "Verdict", "exercise", "expect", "unanswered"]
