"""Lesson 10: event logs of a hospital and of a shop, databases, and a service as a process of its own."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd

from workshop.base.settings import Settings
from workshop.base.waiting import wait_until
from workshop.domain.event_logs import LoggedEvent, Totals
from workshop.domain.healthcare.events import correction, written_late
from workshop.domain.healthcare.patient_file import PatientFile
from workshop.ingest.event_log_rows import Reading
from workshop.ingest.log_publishing import publish_log
from workshop.lessons.healthcare_and_retail.background import in_background, stop_background
from workshop.lessons.healthcare_and_retail.pictures import (
    draw_beds,
    draw_cohorts,
    draw_delays,
    draw_readers,
    draw_saga,
)
from workshop.lessons.healthcare_and_retail.stock_keeping import Shop, fifty_orders
from workshop.notebook.connection import Connection
from workshop.notebook.other_process import run_as_process

__all__ = [  # used by the notebook
    "Shop",
    "draw_beds",
    "draw_cohorts",
    "draw_delays",
    "draw_readers",
    "draw_saga",
    "fifty_orders",
    "in_background",
    "run_as_process",
    "stop_background",
    "wait_until",
]

DATA = Path(Settings.load().root) / "data"
SEPSIS, TILLS = DATA / "sepsis.csv.gz", DATA / "complete_journey_transactions_sample.csv.gz"
SEPSIS_READING = Reading("case_id", "timestamp", "activity")
TILLS_READING = Reading("basket_id", "transaction_timestamp", event="LineSold")
DATABASES = "lesson-10"  # a folder in the state folder

STAYS = (  # invented people, because the hospital's log is anonymised: name and activity
    ("A. Dupont", "ER Triage"),
    ("B. Éluard", "ER Triage"),
    ("A. Dupont", "IV Antibiotics"),
    ("C. Zoé", "Admission NC"),
    ("A. Dupont", "Release A"),
)


def counts(log: Iterable[LoggedEvent]) -> pd.DataFrame:
    """Return counts from a replay, and from pandas with its default handling of names such as NA."""
    wanted = ("ER Triage", "IV Antibiotics", "Return ER")
    totals, frame = Totals.of(log), pd.read_csv(SEPSIS).dropna(subset="case_id")
    usual = frame["activity"].value_counts()
    rows = {
        "replayed": [totals.events, len(totals.cases), *(totals.activities[name] for name in wanted)],
        "pandas, by default": [len(frame), frame["case_id"].nunique(), *(usual[name] for name in wanted)],
    }
    return pd.DataFrame.from_dict(rows, "index", columns=["events", "cases", *wanted])


def at(text: str) -> datetime:
    """Return a moment of the past, such as 2014-04-10 12:00, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def late_news(file: PatientFile) -> list[LoggedEvent]:
    """Return a correction of a patient's last lactate, and a lactate that was recorded six hours late."""
    wrong = file.results("LacticAcid")[-1]
    step = next(one for one in file.steps if one.event_id == wrong.event_id)
    swapped = correction(step, _swapped(wrong.value), wrong.at + timedelta(hours=20), "digits swapped")
    measured = wrong.at - timedelta(hours=4)
    late = written_late(file.patient, "LacticAcid", Decimal("2.4"), measured, wrong.at + timedelta(hours=2))
    return [swapped, late]


def _swapped(value: Decimal) -> Decimal:
    """Return a value with swapped digits, 1.7 for 7.1, as in a typing error."""
    whole, tenth = divmod(int(value * 10), 10)
    return Decimal(tenth * 10 + whole % 10) / 10


def publish_tills(ws: Connection) -> str:
    """Publish a year of receipts to a new topic; return its name."""
    topic = ws.fresh_topic("tills")
    publish_log(ws, TILLS, topic, TILLS_READING)
    return topic


def new_database(ws: Connection) -> str:
    """Return the path of a new database file in the state folder; `remove_databases` deletes it."""
    folder = Path(ws.settings.state) / DATABASES
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / f"{uuid.uuid4().hex[:6]}.db")


def remove_databases(ws: Connection) -> None:
    """Delete the database files of this lesson."""
    shutil.rmtree(Path(ws.settings.state) / DATABASES, ignore_errors=True)
