"""Events of a log: case, activity, time, and the other columns of the row as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MalformedLogEvent(ValueError):
    """The bytes are not an event of a log; the message has the reason."""


@dataclass(frozen=True)
class LoggedEvent:
    """An event of a case.

    Attributes:
        case: the case, which is the key of the record.
        activity: the activity, which is the event's type.
        at: the time, with a time zone.
        event_id: unique within the log: "<first 12 hex digits of the file's SHA-256>-<line>".
        fields: the row's other columns that are not empty, unchanged.
    """

    case: str
    activity: str
    at: datetime
    event_id: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def key(self) -> bytes:
        """Return the Kafka key."""
        return self.case.encode()

    def value(self) -> bytes:
        """Return the Kafka value, as JSON."""
        told = {"type": self.activity, "case": self.case, "at": self.at.isoformat(), "event_id": self.event_id}
        return json.dumps({**told, "fields": dict(self.fields)}, ensure_ascii=False).encode()

    def timestamp_ms(self) -> int:
        """Return the record's timestamp, in milliseconds since 1970."""
        return (self.at - EPOCH) // timedelta(milliseconds=1)

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the headers, which a consumer can read without parsing the value."""
        return [("type", self.activity.encode()), ("version", b"1")]

    @classmethod
    def parse(cls, value: bytes | None) -> Self:
        """Parse an event from the value of a record.

        Raises:
            MalformedLogEvent: the bytes are not an event.
        """
        try:
            told = json.loads(value or b"")
            names = [told[name] for name in ("case", "type", "at", "event_id")]
            fields = told.get("fields", {})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise MalformedLogEvent("it is not a JSON object with type, case, at and event_id") from None
        if not all(isinstance(name, str) for name in names) or not isinstance(fields, dict):
            raise MalformedLogEvent("type, case, at and event_id are not all text, or fields is no object")
        case, activity, at, event_id = names
        try:
            when = datetime.fromisoformat(at)
        except ValueError:
            raise MalformedLogEvent(f"{at!r} is no time") from None
        return cls(case, activity, when if when.tzinfo else when.replace(tzinfo=UTC), event_id, fields)
