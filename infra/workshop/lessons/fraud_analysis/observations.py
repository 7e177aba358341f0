"""Observations of lesson 05: results of its experiments, and data of its pictures."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

DEBITS = ("AccountDebited", "PaymentDeclined")


@dataclass
class Moment:
    """One payment: its time in seconds, and the seconds until it was debited and flagged."""

    made: float
    cents: int
    debited: float | None = None
    declined: bool = False
    flagged: float | None = None
    because: str = ""


@dataclass
class Moments:
    """The payments of the demonstration, by payment_id, and the number of debits of earlier payments."""

    began: float = field(default_factory=time.monotonic)
    payments: dict[str, Moment] = field(default_factory=dict)
    past: int = 0

    def note(self, value: bytes | None) -> None:
        """Record an answer or an alert that has arrived, as the bytes of its record.

        An answer of `debits` has a type; any other JSON object with a `payment_id` is an alert of the reader.
        """
        now = time.monotonic()
        fields = _fields(value)
        debit = fields.get("type") in DEBITS
        moment = self.payments.get(str(fields.get("payment_id", "")))
        if moment is None:
            self.past += debit
        elif debit and moment.debited is None:
            moment.debited, moment.declined = now - self.began - moment.made, fields["type"] == DEBITS[1]
        elif not debit and fields.get("type") != "AccountOpened" and moment.flagged is None:
            moment.flagged, moment.because = now - self.began - moment.made, str(fields.get("because", ""))

    def all_debited(self) -> bool:
        """Return whether each payment has an answer."""
        return all(moment.debited is not None for moment in list(self.payments.values()))


def _fields(value: bytes | None) -> dict:
    """Return the fields of a JSON object, or none: a reader's own alert may be anything."""
    try:
        fields = json.loads(value or b"")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
