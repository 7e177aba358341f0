"""Clinical rules of the form "B within a given time after A", evaluated over the past."""

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


# Surviving Sepsis Campaign: within an hour if sepsis is likely or there is shock; otherwise within three (2021).
ANTIBIOTICS = Rule("ER Triage", "IV Antibiotics", timedelta(hours=1))


@dataclass(frozen=True)
class Judged:
    """The evaluation of a rule for one patient.

    Attributes:
        due_from: the time from which the delay counts.
        done: the time of the required activity; None if the log does not contain it.
    """

    patient: str
    due_from: datetime
    done: datetime | None

    @property
    def delay(self) -> timedelta | None:
        """The delay; negative if the activity came before `due_from`, None without the activity."""
        return None if self.done is None else self.done - self.due_from


@dataclass(frozen=True)
class Kept:
    """The number of patients under a rule: all, in time, late, and without the required activity."""

    patients: int
    in_time: int
    late: int
    never: int


def judge(rule: Rule, file: PatientFile) -> Judged | None:
    """Evaluate a rule for one patient; None if the activity `after` did not happen."""
    start = file.first(rule.after)
    return None if start is None else Judged(file.patient, start, file.first(rule.then))


def judge_all(rule: Rule, files: Iterable[PatientFile]) -> list[Judged]:
    """Evaluate a rule for all patients with the activity `after`."""
    return [judged for file in files if (judged := judge(rule, file)) is not None]


def kept(rule: Rule, judged: Iterable[Judged]) -> Kept:
    """Count the evaluations of a rule."""
    delays = [one.delay for one in judged]
    in_time = sum(delay is not None and delay <= rule.within for delay in delays)
    never = delays.count(None)
    return Kept(len(delays), in_time, len(delays) - in_time - never, never)
