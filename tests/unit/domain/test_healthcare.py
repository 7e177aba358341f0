"""Patients as folds: the order of arrival does not matter, a correction keeps what was thought, a lost key is lost."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop.domain.event_logs import LoggedEvent, MalformedLogEvent
from workshop.domain.healthcare import PatientEvent, ResultCorrected, patient_event, ward
from workshop.domain.healthcare.events import RESULTS, correction, written_late
from workshop.domain.healthcare.patient_file import PatientFile, files, fold, known_by
from workshop.domain.healthcare.pseudonyms import new_key, pseudonym
from workshop.domain.healthcare.rules import ANTIBIOTICS, Kept, judge, judge_all, kept
from workshop.domain.healthcare.shredding import Forgotten, KeyRing, Unreadable
from workshop.ingest.event_log_rows import Reading, read

START = datetime(2014, 1, 1, tzinfo=UTC)
ACTIVITIES = ("ER Registration", "ER Triage", "CRP", "LacticAcid", "IV Antibiotics", "Admission NC", "Admission IC")
SEPSIS = Path(__file__).parents[3] / "data/sepsis.csv.gz"


def step(activity: str, hours: float, number: int = 0, result: str = "", patient: str = "a") -> PatientEvent:
    at = START + timedelta(hours=hours)
    return PatientEvent(patient, activity, at, f"e-{number}", at, Decimal(result) if result else None)


@st.composite
def paths(draw: st.DrawFn) -> list[PatientEvent | ResultCorrected]:
    """What happened to three patients, with corrections of some results."""
    events: list[PatientEvent | ResultCorrected] = []
    for number in range(draw(st.integers(0, 25))):
        activity = draw(st.sampled_from([*ACTIVITIES, "Release A", "Return ER"]))
        result = str(draw(st.integers(1, 99))) if activity in RESULTS else ""
        event = step(activity, draw(st.integers(0, 2_000)), number, result, draw(st.sampled_from("abc")))
        events.append(event)
        if result and draw(st.booleans()):
            known = event.at + timedelta(hours=draw(st.integers(1, 50)))
            events.append(
                ResultCorrected(event.patient, event.event_id, Decimal(draw(st.integers(1, 99))), known, f"c-{number}")
            )
    return events


@given(paths(), st.randoms())
def test_a_file_is_the_same_in_whatever_order_its_events_arrive_and_however_often(events: list, random) -> None:
    mixed = random.sample(events, len(events))
    assert files(mixed) == files(events) == files([*events, *mixed])


@given(paths())
def test_steps_stand_in_order_of_time_and_none_is_lost(events: list) -> None:
    for patient, file in files(events).items():
        mine = [event for event in events if event.patient == patient and isinstance(event, PatientEvent)]
        assert len(file.steps) == len(mine)
        assert [one.at for one in file.steps] == sorted(one.at for one in mine)


@given(paths())
def test_a_result_is_its_last_correction_and_keeps_all_that_was_thought(events: list) -> None:
    for file in files(events).values():
        for result in (one for activity in RESULTS for one in file.results(activity)):
            told = [c for c in file.corrections if c.corrects == result.event_id]
            first = next(one for one in file.steps if one.event_id == result.event_id)
            assert result.value == (told[-1].result if told else first.result)
            assert result.thought_before == (() if not told else (first.result, *(c.result for c in told[:-1])))


def test_before_it_was_corrected_the_old_value_was_known() -> None:
    measured = step("LacticAcid", 0, result="1.7")
    logged = correction(measured, Decimal("7.1"), START + timedelta(hours=5), "digits swapped")
    corrected = patient_event(LoggedEvent.parse(logged.value()))
    then = fold(known_by([measured, corrected], START + timedelta(hours=4))).results("LacticAcid")
    now = fold([corrected, measured]).results("LacticAcid")  # the correction may even come first
    assert (then[0].value, then[0].thought_before) == (Decimal("1.7"), ())
    assert (now[0].value, now[0].thought_before) == (Decimal("7.1"), (Decimal("1.7"),))


def test_what_is_written_late_stands_where_it_happened_and_was_not_known_before() -> None:
    late = patient_event(written_late("a", "CRP", Decimal(90), START, START + timedelta(hours=9)))
    events = [step("ER Triage", -1, 1), step("IV Antibiotics", 2, 2), late]
    assert [one.activity for one in fold(events).steps] == ["ER Triage", "CRP", "IV Antibiotics"]
    assert fold(known_by(events, START + timedelta(hours=8))).results("CRP") == []


@pytest.mark.parametrize(
    ("activity", "fields"),
    [
        ("CRP", {"crp": "many"}),
        ("CRP", {"crp": "NaN"}),
        ("ResultCorrected", {}),
        ("ResultCorrected", {"corrects": "e"}),
    ],
)
def test_a_result_that_is_no_number_is_refused(activity: str, fields: dict) -> None:
    with pytest.raises(MalformedLogEvent):
        patient_event(LoggedEvent("a", activity, START, "e-1", fields))


@given(paths(), st.integers(-10, 2_600))
def test_the_ward_at_a_moment_is_what_the_pass_over_the_log_counts_then(events: list, hours: int) -> None:
    steps = [event for event in events if isinstance(event, PatientEvent)]
    moment = START + timedelta(hours=hours, minutes=30)
    there = ward.occupied(steps, moment)
    swept = ward.beds_over_time(steps, [moment])
    assert {place: there[place] for place in ward.BEDS} == {place: counts[0] for place, counts in swept.items()}


@given(paths(), st.integers(0, 2_000), st.randoms())
def test_the_past_does_not_change_by_what_comes_later(events: list, hours: int, random) -> None:
    steps = [event for event in events if isinstance(event, PatientEvent)]
    moment = START + timedelta(hours=hours)
    past = [event for event in steps if event.at <= moment]
    assert ward.ward_at(random.sample(steps, len(steps)), moment) == ward.ward_at(past, moment)


def test_who_is_silent_for_long_has_left() -> None:
    events = [step("ER Registration", 0, 1), step("CRP", 3, 2, "5"), step("Admission IC", 4, 3, patient="b")]
    assert set(ward.ward_at(events, START + timedelta(hours=26))) == {"a", "b"}
    assert set(ward.ward_at(events, START + timedelta(hours=27))) == {"b"}
    assert ward.ward_at(events, START + timedelta(hours=27))["b"].since == START + timedelta(hours=4)


def test_a_rule_counts_from_the_first_triage_and_early_is_in_time() -> None:
    def judged(*events: PatientEvent):
        return judge(ANTIBIOTICS, fold(events))

    assert judged(step("CRP", 0, 1, "5")) is None
    assert judged(step("ER Triage", 0, 1), step("IV Antibiotics", 1, 2), step("ER Triage", 3, 3)).delay == timedelta(
        hours=1
    )
    found = [
        judged(step("ER Triage", 0, 1), step("IV Antibiotics", 1, 2)),
        judged(step("ER Triage", 0, 1), step("IV Antibiotics", -1, 2)),
        judged(step("ER Triage", 0, 1), step("IV Antibiotics", 1.01, 2)),
        judged(step("ER Triage", 0, 1)),
    ]
    assert kept(ANTIBIOTICS, found) == Kept(patients=4, in_time=2, late=1, never=1)


def test_the_shipped_log_has_the_published_counts() -> None:
    log = [e for part in read(SEPSIS, Reading("case_id", "timestamp", "activity")) for e in part.events]
    events = [patient_event(one) for one in log]
    counts = Counter(event.activity for event in events)
    assert (len(events), len(files(events))) == (15_214, 1_050)
    assert (counts["ER Triage"], counts["IV Antibiotics"], counts["Return ER"]) == (1_053, 823, 294)
    assert len(files(events)["NA"].steps) == 24
    judged = judge_all(ANTIBIOTICS, files(events).values())
    assert kept(ANTIBIOTICS, judged) == Kept(patients=1_050, in_time=304, late=519, never=227)


@given(st.binary(min_size=16, max_size=64), st.text(max_size=30), st.text(max_size=30))
def test_a_pseudonym_is_always_the_same_and_another_one_for_another_name_or_key(
    key: bytes, one: str, other: str
) -> None:
    assert pseudonym(key, one) == pseudonym(key, one)
    assert (pseudonym(key, one) == pseudonym(key, other)) == (one == other)
    assert pseudonym(new_key(), one) != pseudonym(key, one)
    assert PatientFile(pseudonym(key, one)).patient.startswith("p-")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        pseudonym(b"secret", "a")


fields = st.dictionaries(st.text(max_size=10), st.text(max_size=30), max_size=4)


@given(fields, st.text(max_size=10), st.text(max_size=10))
def test_what_is_locked_is_unlocked_the_same_and_nowhere_else(told: dict, about: str, elsewhere: str) -> None:
    ring = KeyRing()
    locked = ring.lock("a", about, told)
    assert ring.unlock("a", about, locked) == told
    assert ring.lock("a", about, told) != locked  # never the same bytes twice: equal names do not show
    if elsewhere != about:
        with pytest.raises(Unreadable):
            ring.unlock("a", elsewhere, locked)


@given(fields)
def test_who_is_forgotten_is_unreadable_and_the_others_are_not(told: dict) -> None:
    ring = KeyRing()
    gone, stays = ring.lock("a", "e-1", told), ring.lock("b", "e-2", told)
    ring.forget("a")
    with pytest.raises(Forgotten):
        ring.unlock("a", "e-1", gone)
    with pytest.raises(Forgotten):
        ring.lock("a", "e-3", told)
    with pytest.raises(Unreadable):
        ring.unlock("b", "e-1", gone)
    assert ring.unlock("b", "e-2", stays) == told
    assert len(ring) == 1


@pytest.mark.parametrize("locked", ["", "no base64 !", "AAAA"])
def test_what_was_never_locked_is_unreadable(locked: str) -> None:
    ring = KeyRing()
    ring.lock("a", "e", {})
    with pytest.raises(Unreadable):
        ring.unlock("a", "e", locked)
