"""A patient's file as a fold over events, in order of event time, not of recording.

A correction overwrites nothing: a result has its current value, and the earlier ones with the times since which they held.
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
    """A test's result, with its history.

    Attributes:
        event_id: the event with the first value.
        activity, at: the test, and the time of the measurement.
        versions: each value with the time since which it was assumed, the oldest first.
    """

    event_id: str
    activity: str
    at: datetime
    versions: tuple[tuple[Decimal, datetime], ...]

    @property
    def value(self) -> Decimal:
        """The current value."""
        return self.versions[-1][0]

    @property
    def thought_before(self) -> tuple[Decimal, ...]:
        """The earlier values, which were corrected."""
        return tuple(value for value, _ in self.versions[:-1])


@dataclass(frozen=True)
class PatientFile:
    """The file of one patient.

    Attributes:
        patient: the patient.
        steps: the events, in order of time.
        corrections: the corrections, in the order in which they became known.
    """

    patient: str = ""
    steps: tuple[PatientEvent, ...] = ()
    corrections: tuple[ResultCorrected, ...] = ()

    def first(self, activity: str) -> datetime | None:
        """Return the time of the first event of an activity, or None."""
        return next((step.at for step in self.steps if step.activity == activity), None)

    def results(self, activity: str) -> list[Result]:
        """Return all results of a test, in order of time."""
        tests = [step for step in self.steps if step.activity == activity and step.result is not None]
        return [self._result(step) for step in tests]

    def _result(self, step: PatientEvent) -> Result:
        assert step.result is not None  # `results` selects such steps only
        later = [(c.result, c.known_at) for c in self.corrections if c.corrects == step.event_id]
        return Result(step.event_id, step.activity, step.at, ((step.result, step.known_at), *later))


def evolve(file: PatientFile, event: Event) -> PatientFile:
    """Return the file after an event; a duplicate changes nothing."""
    if isinstance(event, ResultCorrected):
        return replace(file, patient=event.patient, corrections=_inserted(file.corrections, event, _by_knowledge))
    return replace(file, patient=event.patient, steps=_inserted(file.steps, event, in_order))


def fold(events: Iterable[Event], file: PatientFile | None = None) -> PatientFile:
    """Return one patient's file after all of these events, in any order."""
    return reduce(evolve, events, file or PatientFile())


def files(events: Iterable[Event]) -> dict[str, PatientFile]:
    """Return the file of each patient."""
    found: dict[str, PatientFile] = {}
    for event in events:
        found[event.patient] = evolve(found.get(event.patient, PatientFile()), event)
    return found


def known_by(events: Iterable[Event], moment: datetime) -> list[Event]:
    """Return the events that were recorded by a moment: the information available to a doctor then."""
    return [event for event in events if event.known_at <= moment]


def _by_knowledge(event: ResultCorrected) -> tuple:
    return (event.known_at, len(event.event_id), event.event_id)


def _inserted(items: tuple[One, ...], item: One, key: Callable[[One], tuple]) -> tuple[One, ...]:
    place = bisect_left(items, key(item), key=key)
    if place < len(items) and key(items[place]) == key(item):
        return items
    return (*items[:place], item, *items[place:])
