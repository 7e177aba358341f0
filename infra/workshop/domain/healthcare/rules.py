"""Clinical rules of the form "B within so long after A", judged over the past: who, when, how late."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workshop.domain.healthcare.patient_file import PatientFile


@dataclass(frozen=True)
class Rule:
    """After the first `after`, the first `then` must follow within `within`; earlier is in time too."""

    after: str
    then: str
    within: timedelta


# Surviving Sepsis Campaign: within an hour where sepsis is likely or there is shock; otherwise within three (2021).
ANTIBIOTICS = Rule("ER Triage", "IV Antibiotics", timedelta(hours=1))


@dataclass(frozen=True)
class Judged:
    """One patient under a rule.

    Attributes:
        due_from: when the clock started.
        done: when it was done; None if it never was, as far as the log says.
    """

    patient: str
    due_from: datetime
    done: datetime | None

    @property
    def delay(self) -> timedelta | None:
        """How long it took; below zero if it was done before the clock started."""
        return None if self.done is None else self.done - self.due_from


@dataclass(frozen=True)
class Kept:
    """How often a rule was kept: patients under it, in time, late, and those to whom it never happened."""

    patients: int
    in_time: int
    late: int
    never: int


def judge(rule: Rule, file: PatientFile) -> Judged | None:
    """One patient under a rule; None where its clock never started."""
    start = file.first(rule.after)
    return None if start is None else Judged(file.patient, start, file.first(rule.then))


def judge_all(rule: Rule, files: Iterable[PatientFile]) -> list[Judged]:
    """Every patient whose clock started."""
    return [judged for file in files if (judged := judge(rule, file)) is not None]


def kept(rule: Rule, judged: Iterable[Judged]) -> Kept:
    """Count what was judged."""
    delays = [one.delay for one in judged]
    in_time = sum(delay is not None and delay <= rule.within for delay in delays)
    never = delays.count(None)
    return Kept(len(delays), in_time, len(delays) - in_time - never, never)
