"""An event of a log, written and read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from workshop.domain.event_logs.events import LoggedEvent, MalformedLogEvent

EVENT = LoggedEvent("case é", "A", datetime(2014, 1, 1, 8, 0, 0, 1_999, UTC), "abc-2", {"x": "1"})


def test_an_event_is_read_back_as_it_was_written():
    assert LoggedEvent.parse(EVENT.value()) == EVENT
    assert EVENT.key() == "case é".encode()
    assert EVENT.headers() == [("type", b"A"), ("version", b"1")]


def test_the_time_of_a_record_is_cut_to_milliseconds_also_before_1970():
    assert EVENT.timestamp_ms() == 1388563200001
    old = LoggedEvent("c", "A", datetime(1969, 12, 31, 23, 59, 59, 999_500, UTC), "e")
    assert old.timestamp_ms() == -1
    elsewhere = datetime(2014, 1, 1, 9, tzinfo=timezone(timedelta(hours=1)))
    assert LoggedEvent("c", "A", elsewhere, "e").timestamp_ms() == 1388563200000


def test_a_time_without_a_zone_is_read_as_utc():
    event = LoggedEvent.parse(b'{"case": "c", "type": "A", "at": "2014-01-01T08:00:00", "event_id": "e"}')
    assert event.at == datetime(2014, 1, 1, 8, tzinfo=UTC)
    assert event.fields == {}


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"{}",
        b'{"case": 1, "type": "A", "at": "2014-01-01", "event_id": "e"}',
        b'{"case": "c", "type": "A", "at": "2014-01-01", "event_id": "e", "fields": []}',
        b'{"case": "c", "type": "A", "at": "soon", "event_id": "e"}',
        b"\xff",
    ],
)
def test_bytes_that_are_no_event_are_an_error(value: bytes | None):
    with pytest.raises(MalformedLogEvent):
        LoggedEvent.parse(value)
