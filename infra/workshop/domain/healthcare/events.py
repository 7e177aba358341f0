"""Events of patients and corrections of results, from the events of a log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from workshop.domain.event_logs import LoggedEvent, MalformedLogEvent

RESULTS = {"CRP": "crp", "LacticAcid": "lacticacid", "Leucocytes": "leucocytes"}  # a test, and its column in the log
CORRECTED = "ResultCorrected"


@dataclass(frozen=True)
class PatientEvent:
    """An event of a patient.

    Attributes:
        patient: the patient.
        activity: the activity, such as `ER Triage` or `CRP`.
        at: the event time.
        event_id: the event's id, to which a correction refers.
        known_at: the time at which the event was recorded, which may be hours later.
        result: the result of a test, in the log's units; None for other activities, or if no result was recorded.
    """

    patient: str
    activity: str
    at: datetime
    event_id: str
    known_at: datetime
    result: Decimal | None = None


@dataclass(frozen=True)
class ResultCorrected:
    """A test's result was wrong; `result` is the right one, as known at `known_at`. The old event stays."""

    patient: str
    corrects: str
    result: Decimal
    known_at: datetime
    event_id: str
    reason: str = ""


def patient_event(logged: LoggedEvent) -> PatientEvent | ResultCorrected:
    """Return an event of the log as an event of a patient.

    Raises:
        MalformedLogEvent: a result is not a number, or a correction does not name the corrected event.
    """
    fields = logged.fields
    if logged.activity == CORRECTED:
        if "corrects" not in fields:
            raise MalformedLogEvent("a correction does not name the event that it corrects")
        right = _number(fields.get("result", ""))
        return ResultCorrected(
            logged.case, fields["corrects"], right, logged.at, logged.event_id, fields.get("reason", "")
        )
    written = fields.get(RESULTS.get(logged.activity, ""), "")
    known_at = datetime.fromisoformat(fields["known_at"]) if "known_at" in fields else logged.at
    result = _number(written) if written else None
    return PatientEvent(logged.case, logged.activity, logged.at, logged.event_id, known_at, result)


def in_order(event: PatientEvent) -> tuple:
    """Return the sort key of events: the time, then the order of their lines in the log."""
    return (event.at, len(event.event_id), event.event_id)


def correction(event: PatientEvent, right: Decimal, at: datetime, reason: str = "") -> LoggedEvent:
    """Return the event that corrects the result of another event."""
    fields = {"corrects": event.event_id, "result": str(right), "reason": reason}
    return LoggedEvent(event.patient, CORRECTED, at, f"{event.event_id}-corrected-{at:%Y%m%d%H%M%S}", fields)


def written_late(patient: str, activity: str, result: Decimal, at: datetime, known_at: datetime) -> LoggedEvent:
    """Return the event of a test's result that was recorded long after the measurement."""
    fields = {RESULTS[activity]: str(result), "known_at": known_at.isoformat()}
    return LoggedEvent(patient, activity, at, f"late-{patient}-{activity}-{at:%Y%m%d%H%M%S}", fields)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise MalformedLogEvent(f"the result {text!r} is not a number") from None
    if not number.is_finite():
        raise MalformedLogEvent(f"the result {text!r} is not a number")
    return number
