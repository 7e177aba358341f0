"""Who is where, at any moment of the past: a fold over what had happened until then, and over nothing later.

Nobody writes "the patient went home from the emergency room": 268 of the log's 1,050 stays end without a release. So a
patient of whom nothing is heard for long is taken to have left; how long, depends on the place.
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
# The longest silence in the log that something still followed: 22 hours in the emergency room, 19 days in a ward.
SILENCE = {
    ER: timedelta(hours=24),
    RETURNED: timedelta(hours=24),
    NORMAL_CARE: timedelta(days=20),
    INTENSIVE_CARE: timedelta(days=20),
}


@dataclass(frozen=True)
class Whereabouts:
    """Where a patient is.

    Attributes:
        place: ER, Admission NC (normal care), Admission IC (intensive care), Release A to E, or Return ER.
        since: when the patient came there.
        heard: when something was last written of the patient.
    """

    place: str
    since: datetime
    heard: datetime

    def is_there(self, moment: datetime) -> bool:
        """Whether the patient is still there, as far as anybody wrote."""
        return self.place not in SILENCE or moment < self.heard + SILENCE[self.place]


def evolve(now: Whereabouts | None, event: PatientEvent) -> Whereabouts:
    """Where the patient is after an event: a test or a drip moves nobody."""
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
    """Patient to whereabouts, of all who are somewhere at this moment; only what had happened by then counts."""
    found: dict[str, Whereabouts] = {}
    for event in sorted((e for e in events if e.at <= moment), key=in_order):
        found[event.patient] = evolve(found.get(event.patient), event)
    return {patient: where for patient, where in found.items() if where.is_there(moment)}


def occupied(events: Iterable[PatientEvent], moment: datetime) -> Counter[str]:
    """Place to the number of patients there."""
    return Counter(where.place for where in ward_at(events, moment).values())


def beds_over_time(events: Iterable[PatientEvent], moments: Sequence[datetime]) -> Mapping[str, list[int]]:
    """For each of the hospital's places the number of patients at each moment, in one pass over the log."""
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
    """Each arrival in a bed (+1) and each departure (-1)."""
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
