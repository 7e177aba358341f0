"""Lesson 10: event logs of a hospital and a shop: published, replayed, folded, corrected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd

from workshop.base.settings import Settings
from workshop.domain.event_logs import LoggedEvent, Totals
from workshop.domain.healthcare import PatientEvent, patient_event
from workshop.domain.healthcare.events import ResultCorrected, correction, written_late
from workshop.domain.healthcare.patient_file import PatientFile, files, fold, known_by
from workshop.domain.healthcare.pseudonyms import pseudonym
from workshop.domain.healthcare.shredding import Forgotten, KeyRing
from workshop.domain.retail import baskets
from workshop.domain.retail.baskets import Basket, CheckOut, GiveUp, PutIn
from workshop.ingest.event_log_rows import Reading
from workshop.ingest.log_publishing import publish_log, replay_log
from workshop.kafka.produce import publish
from workshop.lessons.healthcare_and_retail.pictures import (
    draw_beds,
    draw_cohorts,
    draw_delays,
    draw_pathway,
    draw_readers,
    draw_stock,
)
from workshop.lessons.healthcare_and_retail.stock_keeping import Shop, one_writer, race
from workshop.notebook.connection import Connection

__all__ = [  # used by the notebook
    "Shop",
    "draw_beds",
    "draw_cohorts",
    "draw_delays",
    "draw_pathway",
    "draw_readers",
    "draw_stock",
    "one_writer",
    "race",
]

DATA = Path(Settings.load().root) / "data"
SEPSIS, TILLS = DATA / "sepsis.csv.gz", DATA / "complete_journey_transactions_sample.csv.gz"
SEPSIS_READING = Reading("case_id", "timestamp", "activity")
TILLS_READING = Reading("basket_id", "transaction_timestamp", event="LineSold")
CALLED_FROM = Decimal(4)  # mmol/l of lactate


def counts(log: Iterable[LoggedEvent]) -> pd.DataFrame:
    """Return counts from a replay, and from pandas with its default handling of names such as NA."""
    wanted = ("ER Triage", "IV Antibiotics", "Return ER")
    totals, frame = Totals.of(log), pd.read_csv(SEPSIS).dropna(subset="case_id")
    usual = frame["activity"].value_counts()
    rows = {
        "replayed": [totals.events, len(totals.cases), *(totals.activities[name] for name in wanted)],
        "pandas, as usual": [len(frame), frame["case_id"].nunique(), *(usual[name] for name in wanted)],
    }
    return pd.DataFrame.from_dict(rows, "index", columns=["events", "cases", *wanted])


def at(text: str) -> datetime:
    """Return a moment of the past, such as 2014-04-10 12:00, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def correct(ws: Connection, topic: str, file: PatientFile) -> None:
    """Publish a correction of a mistyped result, and a result that was written down late."""
    wrong = file.results("LacticAcid")[-1]
    step = next(one for one in file.steps if one.event_id == wrong.event_id)
    swapped = correction(step, _swapped(wrong.value), wrong.at + timedelta(hours=20), "digits swapped")
    measured = wrong.at - timedelta(hours=4)
    late = written_late(file.patient, "LacticAcid", Decimal("2.4"), measured, wrong.at + timedelta(hours=2))
    publish(ws, topic, [swapped, late])


def _swapped(value: Decimal) -> Decimal:
    """Return a value with swapped digits, 1.7 for 7.1, as in a typing error."""
    whole, tenth = divmod(int(value * 10), 10)
    return Decimal(tenth * 10 + whole % 10) / 10


def then_and_now(events: Sequence[PatientEvent], moment: datetime, activity: str = "LacticAcid") -> pd.DataFrame:
    """Return a patient's results as known at a moment, and as known today."""
    then = {one.event_id: str(one.value) for one in fold(known_by(events, moment)).results(activity)}
    rows = [
        {
            "measured": f"{one.at:%d %b %H:%M}",
            f"seen {moment:%d %b %H:%M}": then.get(one.event_id, "—"),
            "known today": str(one.value),
            "since": f"{one.versions[-1][1]:%d %b %H:%M}",
            "thought before": ", ".join(map(str, one.thought_before)),
        }
        for one in fold(events).results(activity)
    ]
    return pd.DataFrame(rows).set_index("measured")


PEOPLE = (  # invented, because the log is anonymised
    ("A. Dupont", "ER Triage"),
    ("B. Éluard", "ER Triage"),
    ("A. Dupont", "IV Antibiotics"),
    ("C. Zoé", "Admission NC"),
    ("A. Dupont", "Release A"),
)


def admit(ws: Connection, key: bytes, ring: KeyRing) -> str:
    """Write events of three invented people under pseudonyms, with names encrypted by a key per person."""
    topic = ws.fresh_topic("people", partitions=1)
    events = []
    for number, (name, activity) in enumerate(PEOPLE):
        person, event_id = pseudonym(key, name), f"e-{number}"
        fields = {"person": ring.lock(person, event_id, {"name": name})}
        events.append(LoggedEvent(person, activity, at("2014-11-10 08:00") + timedelta(hours=number), event_id, fields))
    publish(ws, topic, events)
    return topic


def read_people(ws: Connection, topic: str, ring: KeyRing) -> pd.DataFrame:
    """Return every event, with the names that a reader with these keys can decrypt."""
    rows = []
    for event in replay_log(ws, topic):
        locked = event.fields["person"]
        try:
            name = ring.unlock(event.case, event.event_id, locked)["name"]
        except Forgotten:
            name = "— nobody can tell —"
        rows.append(
            {
                "key": event.case,
                "event": event.activity,
                "at": f"{event.at:%H:%M}",
                "in the log": f"{locked[:12]}…",
                "name": name,
            }
        )
    return pd.DataFrame(rows).set_index("key")


def publish_tills(ws: Connection) -> str:
    """Publish a year of receipts to a new topic; return its name."""
    topic = ws.fresh_topic("tills")
    publish_log(ws, TILLS, topic, TILLS_READING)
    return topic


def ward_log(ws: Connection) -> str:
    """Publish the hospital's log, with some corrected results, to a new topic; return its name."""
    topic = ws.fresh_topic("ward")
    publish_log(ws, SEPSIS, topic, SEPSIS_READING)
    publish(ws, topic, corrections(map(patient_event, replay_log(ws, topic))))
    return topic


def corrections(events: Iterable[PatientEvent | ResultCorrected]) -> list[LoggedEvent]:
    """Return corrections of lactates that change which patients are called; the same ones at each call."""
    found: list[tuple[PatientEvent, Decimal]] = []
    for case, file in sorted(files(events).items()):
        values = {one.event_id: one.value for one in file.results("LacticAcid")}
        high = [name for name, value in values.items() if value >= CALLED_FROM]
        steps = {step.event_id: step for step in file.steps}
        if len(high) == 1 and len(values) == 1 and len(found) < 6:  # looked like an emergency, but was not
            found.append((steps[high[0]], values[high[0]] / 10))
        elif case in ("NA", "AA", "XA", "ZA") and values:  # was an emergency, but did not look like one
            found.append((steps[next(reversed(values))], CALLED_FROM))
    return [correction(step, right, step.at + timedelta(days=1), "typed wrongly") for step, right in found]


def shop_online(commands: Iterable[PutIn | CheckOut | GiveUp]) -> list[baskets.Event]:
    """Return the events of one basket, decided one command after the other."""
    basket, events = Basket(), []
    for command in commands:
        for event in baskets.decide(basket, command):
            basket = baskets.evolve(basket, event)
            events.append(event)
    return events
