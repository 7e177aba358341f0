"""What there is in a log, counted in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workshop.domain.event_logs.events import LoggedEvent
from workshop.domain.event_logs.totals import SHOWN, Totals

START = datetime(2014, 1, 1, tzinfo=UTC)


def event(case: str, activity: str, hours: int = 0) -> LoggedEvent:
    return LoggedEvent(case, activity, START + timedelta(hours=hours), "e")


def test_events_are_counted_by_case_and_activity_whatever_their_order():
    events = [event("a", "X", 5), event("b", "X", 1), event("a", "Y", 9)]
    totals = Totals.of(events)
    assert totals == Totals.of(reversed(events))
    assert (totals.events, dict(totals.cases), dict(totals.activities)) == (3, {"a": 2, "b": 1}, {"X": 2, "Y": 1})
    assert (totals.first, totals.last) == (START + timedelta(hours=1), START + timedelta(hours=9))


def test_the_text_names_activities_the_most_frequent_first():
    text = str(Totals.of([event("a", "rare"), *[event("a", "often\x1b", 1)] * 2]))
    assert text.splitlines() == [
        "3 events of 1 case, 2014-01-01 00:00:00 to 2014-01-01 01:00:00",
        "  often\\x1b         2",
        "  rare              1",
    ]


def test_too_many_activities_are_counted_and_not_shown():
    lines = str(Totals.of(event("a", f"activity {number:03}") for number in range(SHOWN + 5))).splitlines()
    assert lines[-1] == "  and 5 activities more"
    assert len(lines) == SHOWN + 2


def test_an_empty_log_has_no_events():
    assert str(Totals()) == "no events"
