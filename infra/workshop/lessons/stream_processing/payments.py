"""The payments of this lesson: one week of the story, in order of time or with late ones among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from workshop.domain.payments import PaymentMade
from workshop.kafka.handle import Kafka
from workshop.kafka.produce import publish
from workshop.notebook import story

WEEK = ("2018-06-11", "2018-06-18")
HOUR_MS = 3_600_000
SHARE_LATE = 0.05
LATEST = timedelta(hours=48)  # a terminal without a network sends its payments so much later at most


@dataclass(frozen=True)
class Limit:
    """The limit of a card, valid from a moment on, as a record: the key is the card."""

    card: str
    limit_cents: int
    at: datetime

    def key(self) -> bytes:
        """Return the Kafka key."""
        return self.card.encode()

    def value(self) -> bytes:
        """Return the Kafka value, as JSON."""
        return b'{"limit_cents": %d}' % self.limit_cents

    def timestamp_ms(self) -> int:
        """Return the moment from which the limit is valid, in milliseconds since 1970."""
        return round(self.at.timestamp() * 1000)

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the headers."""
        return [("type", b"LimitSet")]


def week() -> pd.DataFrame:
    """Return the payments of one week, in order of time.

    The columns are card, at, hour (the start of the hour in milliseconds since 1970), cents, and those of the simulator.
    """
    rows = story.payments()
    return prepared(rows[(rows["TX_DATETIME"] >= WEEK[0]) & (rows["TX_DATETIME"] < WEEK[1])])


def prepared(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the simulator with the columns card, at, hour and cents. Pure."""
    milliseconds = rows["TX_DATETIME"].astype("datetime64[ms]").astype("int64")
    return rows.assign(
        card=[f"card-{number:04d}" for number in rows["CUSTOMER_ID"]],
        at=rows["TX_DATETIME"],
        hour=milliseconds - milliseconds % HOUR_MS,
        cents=(rows["TX_AMOUNT"] * 100).round().astype("int64"),
    )


def delayed(rows: pd.DataFrame, share: float = SHARE_LATE, seed: int = 11) -> pd.DataFrame:
    """Return the rows in order of their arrival: a share of them arrives up to `LATEST` late. Pure."""
    random = np.random.default_rng(seed)
    late = random.random(len(rows)) < share
    seconds = np.where(late, random.uniform(3600, LATEST.total_seconds(), len(rows)), 0.0)
    arrival = rows["TX_DATETIME"] + pd.to_timedelta(seconds, unit="s")
    return rows.assign(arrival=arrival).sort_values("arrival", kind="stable")


def send(ws: Kafka, rows: pd.DataFrame, name: str = "card-payments", partitions: int = 3) -> str:
    """Publish rows as `PaymentMade` events in a new topic, in their order; return its name.

    The key is the card, and the timestamp of a record is the time of the payment.
    """
    topic = ws.fresh_topic(name, partitions=partitions)
    publish(ws, topic, story.events(rows))
    return topic


def send_events(ws: Kafka, events: Iterable[PaymentMade | Limit], name: str, **configs: Any) -> str:
    """Publish events in a new topic with three partitions; return its name; `configs` are settings of the topic."""
    topic = ws.fresh_topic(name, **configs)
    publish(ws, topic, events)
    return topic


def limits(cards: Iterable[str]) -> list[Limit]:
    """Return the limits of cards: each has one before the week, and every second one a lower one from Thursday noon. Pure."""
    before, thursday = datetime(2018, 6, 10, tzinfo=UTC), datetime(2018, 6, 14, 12, tzinfo=UTC)
    found = []
    for number, card in enumerate(sorted(cards)):
        found.append(Limit(card, 15_000, before))
        if number % 2:
            found.append(Limit(card, 6_000, thursday))
    return sorted(found, key=lambda one: one.at)


def limit_at(history: Iterable[Limit], card: str, at: datetime) -> int | None:
    """Return the limit of a card at a moment, in cents; None before its first limit. Pure."""
    valid = [one for one in history if one.card == card and one.at <= at]
    return max(valid, key=lambda one: one.at).limit_cents if valid else None


def batch(rows: pd.DataFrame) -> Mapping[tuple[str, int], int]:
    """Return the spend in cents by card and hour, computed by pandas. Pure."""
    return rows.groupby(["card", "hour"])["cents"].sum().to_dict()
