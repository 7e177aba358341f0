"""One event of a log: which case, what happened, when, and whatever else its row says, as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MalformedLogEvent(ValueError):
    """Bytes that are no event of a log; the message says what is wrong with them."""


@dataclass(frozen=True)
class LoggedEvent:
    """Something that happened in a case.

    Attributes:
        case: whose path it belongs to; the key under which it is published.
        activity: what happened; the event's type.
        at: when, with a time zone.
        event_id: names this event among all of its log: "<first 12 hex digits of the file's SHA-256>-<line>".
        fields: the row's other columns, those that are not empty, as they stand.
    """

    case: str
    activity: str
    at: datetime
    event_id: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def key(self) -> bytes:
        """The Kafka key."""
        return self.case.encode()

    def value(self) -> bytes:
        """The Kafka value, as JSON."""
        told = {"type": self.activity, "case": self.case, "at": self.at.isoformat(), "event_id": self.event_id}
        return json.dumps({**told, "fields": dict(self.fields)}, ensure_ascii=False).encode()

    def timestamp_ms(self) -> int:
        """The record's time, in milliseconds since 1970."""
        return (self.at - EPOCH) // timedelta(milliseconds=1)

    def headers(self) -> list[tuple[str, bytes]]:
        """What a reader wants to know before it opens the value."""
        return [("type", self.activity.encode()), ("version", b"1")]

    @classmethod
    def parse(cls, value: bytes | None) -> Self:
        """Read the event back.

        Raises:
            MalformedLogEvent: the bytes are none.
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
