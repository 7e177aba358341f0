"""Place of each patient at any moment of the past: a fold over the events until then, no later ones.

The log has no event for a patient who goes home from the emergency room: 268 of its 1,050 stays end without a release. So a
patient without events for a long time counts as having left; the time depends on the place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import zip_longest

from workshop.domain.healthcare.events import PatientEvent, in_order

ER, NORMAL_CARE, INTENSIVE_CARE, RETURNED = "ER", "Admission NC", "Admission IC", "Return ER"
BEDS = (ER, NORMAL_CARE, INTENSIVE_CARE)
# The longest gap in the log that another event followed: 22 hours in the emergency room, 19 days in a ward.
SILENCE = {
    ER: timedelta(hours=24),
    RETURNED: timedelta(hours=24),
    NORMAL_CARE: timedelta(days=20),
    INTENSIVE_CARE: timedelta(days=20),
}


@dataclass(frozen=True)
class Whereabouts:
    """The place of a patient.

    Attributes:
        place: ER, Admission NC (normal care), Admission IC (intensive care), Release A to E, or Return ER.
        since: the time of arrival at the place.
        heard: the time of the patient's last event.
    """

    place: str
    since: datetime
    heard: datetime

    def is_there(self, moment: datetime) -> bool:
        """Return whether the patient still counts as present at the place."""
        return self.place not in SILENCE or moment < self.heard + SILENCE[self.place]


def evolve(now: Whereabouts | None, event: PatientEvent) -> Whereabouts:
    """Return the place of a patient after an event; a test or an infusion does not change it."""
    place = _place_of(event.activity)
    if now is None:
        return Whereabouts(place or ER, event.at, event.at)
    if place is None or place == now.place:
        return replace(now, heard=event.at)
    return Whereabouts(place, event.at, event.at)


def _place_of(activity: str) -> str | None:
    if activity.startswith("ER "):
        return ER
    is_place = activity in SILENCE or activity.startswith("Release ")
    return activity if is_place else None


def ward_at(events: Iterable[PatientEvent], moment: datetime) -> dict[str, Whereabouts]:
    """Return the places of all patients who are present at this moment; later events do not count."""
    found: dict[str, Whereabouts] = {}
    for event in sorted((e for e in events if e.at <= moment), key=in_order):
        found[event.patient] = evolve(found.get(event.patient), event)
    return {patient: where for patient, where in found.items() if where.is_there(moment)}


def occupied(events: Iterable[PatientEvent], moment: datetime) -> Counter[str]:
    """Return the number of patients per place at this moment."""
    return Counter(where.place for where in ward_at(events, moment).values())


def beds_over_time(events: Iterable[PatientEvent], moments: Sequence[datetime]) -> Mapping[str, list[int]]:
    """Return the number of patients at each moment, per place with beds, in one pass over the log."""
    changes = sorted(_changes(events))
    counts: dict[str, list[int]] = {place: [] for place in BEDS}
    now, at = Counter[str](), 0
    for moment in moments:
        while at < len(changes) and changes[at][0] <= moment:
            now[changes[at][2]] += changes[at][1]
            at += 1
        for place in BEDS:
            counts[place].append(now[place])
    return counts


def _changes(events: Iterable[PatientEvent]) -> Iterable[tuple[datetime, int, str]]:
    """Yield the time, +1 or -1, and the place of each arrival in a bed and each departure."""
    paths: dict[str, list[PatientEvent]] = {}
    for event in sorted(events, key=in_order):
        paths.setdefault(event.patient, []).append(event)
    for path in paths.values():
        where = None
        for event, following in zip_longest(path, path[1:]):
            where = evolve(where, event)
            if where.place in BEDS:
                ends = event.at + SILENCE[where.place]
                yield event.at, 1, where.place
                yield min(ends, following.at) if following else ends, -1, where.place
