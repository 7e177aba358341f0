"""The story's data: card payments of half a year, from the simulator in data/."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pandas as pd

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.domain.payments import PaymentMade
from workshop.kafka.consume import read_all
from workshop.kafka.produce import publish
from workshop.kafka.topics import STORY, create
from workshop.notebook.connection import Connection
from workshop.notebook.live import told_if_slow

EXTRACT = "data/payments_extract.csv.gz"
TIME_ZONE = "UTC"


@cache
def payments() -> pd.DataFrame:
    """Return all payments of 250 cards from 2018-04-01 to 2018-09-30, in order of time.

    The columns are those of the simulator.

    Raises:
        WorkshopError: the file is missing.
    """
    file = Settings.load().root / EXTRACT
    if not file.exists():
        raise WorkshopError(f"{EXTRACT} is missing.", "`git checkout -- data` brings it back.")
    return pd.read_csv(file, parse_dates=["TX_DATETIME"])


def one_day(day: str = "2018-06-12") -> list[PaymentMade]:
    """Return the payments of one day, in order of time."""
    rows = payments()
    return list(events(rows[rows["TX_DATETIME"].dt.date == pd.Timestamp(day).date()]))


def ensure(ws: Connection) -> None:
    """Prepare a lesson: running brokers, the story's topics, one day of payments in `payments`."""
    with told_if_slow("checking the brokers and the story's topics …"):
        ws.brokers.restore()
        create(ws.kafka, STORY)
        day = one_day()
        if day[-1].value() not in {record.value for record in read_all(ws, "payments")}:
            publish(ws, "payments", day)


def events(rows: pd.DataFrame) -> Iterator[PaymentMade]:
    """Yield rows of `payments()` as events, with amounts in cents."""
    for row in rows.itertuples():
        yield PaymentMade(
            card=f"card-{row.CUSTOMER_ID:04d}",
            terminal=f"terminal-{row.TERMINAL_ID:05d}",
            amount_cents=round(row.TX_AMOUNT * 100),
            at=row.TX_DATETIME.tz_localize(TIME_ZONE).to_pydatetime(),
            payment_id=f"payment-{row.TRANSACTION_ID:07d}",
        )
