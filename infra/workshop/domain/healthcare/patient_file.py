"""A patient's file as a fold over events: what happened in order of time, whatever the order in which it was written.

A correction overwrites nothing: a result shows what is known now, and keeps what was thought before, and until when.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import TypeVar

from workshop.domain.healthcare.events import PatientEvent, ResultCorrected, in_order

One = TypeVar("One")
Event = PatientEvent | ResultCorrected


@dataclass(frozen=True)
class Result:
    """A test's result, with its past.

    Attributes:
        event_id: the event that first told it.
        activity, at: which test, and when it was measured.
        versions: each value and since when it was believed, the oldest first.
    """

    event_id: str
    activity: str
    at: datetime
    versions: tuple[tuple[Decimal, datetime], ...]

    @property
    def value(self) -> Decimal:
        """What is known now."""
        return self.versions[-1][0]

    @property
    def thought_before(self) -> tuple[Decimal, ...]:
        """What was believed earlier, and turned out wrong."""
        return tuple(value for value, _ in self.versions[:-1])


@dataclass(frozen=True)
class PatientFile:
    """What is written about one patient.

    Attributes:
        patient: whose file it is.
        steps: what happened, in order of time.
        corrections: what was corrected, in the order in which that became known.
    """

    patient: str = ""
    steps: tuple[PatientEvent, ...] = ()
    corrections: tuple[ResultCorrected, ...] = ()

    def first(self, activity: str) -> datetime | None:
        """When something first happened; None if it never did."""
        return next((step.at for step in self.steps if step.activity == activity), None)

    def results(self, activity: str) -> list[Result]:
        """Every result of a test, in order of time."""
        tests = [step for step in self.steps if step.activity == activity and step.result is not None]
        return [self._result(step) for step in tests]

    def _result(self, step: PatientEvent) -> Result:
        assert step.result is not None  # `results` takes no other step
        later = [(c.result, c.known_at) for c in self.corrections if c.corrects == step.event_id]
        return Result(step.event_id, step.activity, step.at, ((step.result, step.known_at), *later))


def evolve(file: PatientFile, event: Event) -> PatientFile:
    """The file after an event; one that is there already changes nothing."""
    if isinstance(event, ResultCorrected):
        return replace(file, patient=event.patient, corrections=_inserted(file.corrections, event, _by_knowledge))
    return replace(file, patient=event.patient, steps=_inserted(file.steps, event, in_order))


def fold(events: Iterable[Event], file: PatientFile | None = None) -> PatientFile:
    """One patient's file after all of these events, in whatever order they come."""
    return reduce(evolve, events, file or PatientFile())


def files(events: Iterable[Event]) -> dict[str, PatientFile]:
    """Patient to file."""
    found: dict[str, PatientFile] = {}
    for event in events:
        found[event.patient] = evolve(found.get(event.patient, PatientFile()), event)
    return found


def known_by(events: Iterable[Event], moment: datetime) -> list[Event]:
    """What had been written down by a moment: what a doctor could know then."""
    return [event for event in events if event.known_at <= moment]


def _by_knowledge(event: ResultCorrected) -> tuple:
    return (event.known_at, len(event.event_id), event.event_id)


def _inserted(items: tuple[One, ...], item: One, key: Callable[[One], tuple]) -> tuple[One, ...]:
    place = bisect_left(items, key(item), key=key)
    if place < len(items) and key(items[place]) == key(item):
        return items
    return (*items[:place], item, *items[place:])
