"""What happens to a patient, and what was found to be wrong: events of a log, read in the words of a hospital."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from workshop.domain.event_logs import LoggedEvent, MalformedLogEvent

RESULTS = {"CRP": "crp", "LacticAcid": "lacticacid", "Leucocytes": "leucocytes"}  # a test, and its column in the log
CORRECTED = "ResultCorrected"


@dataclass(frozen=True)
class PatientEvent:
    """Something happened to a patient.

    Attributes:
        patient: whose path it belongs to.
        activity: what happened, such as `ER Triage` or `CRP`.
        at: when it happened.
        event_id: its name, to which a correction refers.
        known_at: when it was written down, which may be hours later.
        result: what the test found, in the log's own units; None where it is no test, or nothing was written.
    """

    patient: str
    activity: str
    at: datetime
    event_id: str
    known_at: datetime
    result: Decimal | None = None


@dataclass(frozen=True)
class ResultCorrected:
    """A test's result was wrong; this is the right one, as far as is known at this time. The old event stays."""

    patient: str
    corrects: str
    result: Decimal
    known_at: datetime
    event_id: str
    reason: str = ""


def patient_event(logged: LoggedEvent) -> PatientEvent | ResultCorrected:
    """An event of the log in the words of a hospital.

    Raises:
        MalformedLogEvent: a result is no number, or a correction does not say of what.
    """
    fields = logged.fields
    if logged.activity == CORRECTED:
        if "corrects" not in fields:
            raise MalformedLogEvent("a correction does not say which event it corrects")
        right = _number(fields.get("result", ""))
        return ResultCorrected(
            logged.case, fields["corrects"], right, logged.at, logged.event_id, fields.get("reason", "")
        )
    written = fields.get(RESULTS.get(logged.activity, ""), "")
    known_at = datetime.fromisoformat(fields["known_at"]) if "known_at" in fields else logged.at
    result = _number(written) if written else None
    return PatientEvent(logged.case, logged.activity, logged.at, logged.event_id, known_at, result)


def in_order(event: PatientEvent) -> tuple:
    """What events are sorted by: their time; of one time, by the order of the lines that they came from."""
    return (event.at, len(event.event_id), event.event_id)


def correction(event: PatientEvent, right: Decimal, at: datetime, reason: str = "") -> LoggedEvent:
    """The event that says: that result was wrong."""
    fields = {"corrects": event.event_id, "result": str(right), "reason": reason}
    return LoggedEvent(event.patient, CORRECTED, at, f"{event.event_id}-corrected-{at:%Y%m%d%H%M%S}", fields)


def written_late(patient: str, activity: str, result: Decimal, at: datetime, known_at: datetime) -> LoggedEvent:
    """A test's result that was written down long after it was measured."""
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
