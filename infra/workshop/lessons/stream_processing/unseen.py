"""Logs of payments for the exercises: made by chance with a fixed seed, and with what each exercise is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from workshop.domain.payments import PaymentMade
from workshop.kafka.handle import Kafka
from workshop.kafka.produce import publish
from workshop.lessons.stream_processing.payments import HOUR_MS, Limit, limit_at, prepared, send

ALARM_CENTS = 50_000
LATE_MINUTES = 10
DAY = datetime(2018, 7, 3)
MONTH = datetime(2018, 3, 1, tzinfo=UTC)


def busy_cards(seed: int = 7, cards: int = 8, hours: int = 12) -> pd.DataFrame:
    """Return payments every few minutes, in order of arrival; a fifth arrives up to ten minutes late. Pure."""
    random = np.random.default_rng(seed)
    number = cards * hours * 6
    seconds = np.sort(random.uniform(0, hours * 3600, number))
    late = np.where(random.random(number) < 0.2, random.uniform(60, LATE_MINUTES * 60 - 1, number), 0.0)
    return _rows(random.integers(9000, 9000 + cards, number), seconds, random.uniform(20, 150, number), late)


def alarms(rows: pd.DataFrame) -> dict[tuple[str, int], int]:
    """Return the total of each card and hour with more than `ALARM_CENTS`. Pure."""
    totals = rows.groupby(["card", "hour"])["cents"].sum()
    return totals[totals > ALARM_CENTS].to_dict()


def trains(ws: Kafka) -> tuple[str, pd.DataFrame]:
    """Publish payments of which some arrive hours late; return the topic and the rows, in order of arrival."""
    rows = on_trains()
    return send(ws, rows, "trains"), rows


def on_trains(seed: int = 23, cards: int = 6, hours: int = 48) -> pd.DataFrame:
    """Return payments of which a tenth arrives up to six hours late, most of them much less, in order of arrival. Pure."""
    random = np.random.default_rng(seed)
    number = cards * hours * 2
    seconds = np.sort(random.uniform(0, hours * 3600, number))
    late = np.where(random.random(number) < 0.1, np.minimum(random.exponential(4000, number), 6 * 3600), 0.0)
    return _rows(random.integers(9000, 9000 + cards, number), seconds, random.uniform(5, 90, number), late)


def counted(rows: pd.DataFrame, grace_minutes: float) -> int:
    """Return how many rows, in this order, hourly windows with a grace count; others miss their window. Pure."""
    latest: dict[str, int] = {}
    count = 0
    times = rows["at"].astype("datetime64[ms]").astype("int64")
    for card, at, hour in zip(rows["card"], times, rows["hour"], strict=True):
        latest[card] = max(latest.get(card, 0), at)
        count += hour > latest[card] - grace_minutes * 60_000 - HOUR_MS
    return count


def smallest_grace(rows: pd.DataFrame, share: float) -> int:
    """Return the smallest grace in whole minutes that counts this share of the rows. Pure."""
    minutes = 0
    while counted(rows, minutes) < share * len(rows):
        minutes += 1
    return minutes


def changing_limits() -> tuple[list[Limit], list[PaymentMade]]:
    """Return limits and payments, each in the order of their records, with a late payment of each card at the end. Pure."""
    days = (0, 20, 45, 90)
    limits = [
        Limit(f"card-{9000 + n}", 10_000 * (n + k + 1), _day(day + n)) for k, day in enumerate(days) for n in range(6)
    ]
    times = [(n, day + n + hours / 24) for day in (1, 19, 21, 44, 46, 89, 91) for n in range(7) for hours in (0, 13)]
    payments = [_payment(number, n, _day(day)) for number, (n, day) in enumerate(sorted(times, key=lambda one: one[1]))]
    early = [_payment(900 + n, n, _day(n - 2)) for n in range(6)]  # before the first limit
    late = [_payment(950 + n, n, _day(91 + n - 29)) for n in range(6)]  # 29 days late
    return limits, [*sorted([*early, *payments], key=lambda one: one.at), *late]


def expected_limits(limits: Sequence[Limit], payments: Sequence[PaymentMade]) -> dict[str, int | None]:
    """Return payment to the limit of its card at its time. Pure."""
    return {one.payment_id: limit_at(limits, one.card, one.at) for one in payments}


def publish_limits(ws: Kafka) -> tuple[str, str, dict[str, int | None]]:
    """Publish `changing_limits`; return the topics of payments and limits, and what a join must find."""
    limits, payments = changing_limits()
    topics = ws.fresh_topic("unseen-payments"), ws.fresh_topic("unseen-limits")
    publish(ws, topics[0], payments)
    publish(ws, topics[1], limits)
    return *topics, expected_limits(limits, payments)


def _day(days: float) -> datetime:
    return MONTH + timedelta(days=days)


def _payment(number: int, card: int, at: datetime) -> PaymentMade:
    return PaymentMade(f"card-{9000 + card}", f"terminal-{card:05d}", 2_500 + number, at, f"payment-9{number:06d}")


def _rows(cards: np.ndarray, seconds: np.ndarray, euros: np.ndarray, late: np.ndarray) -> pd.DataFrame:
    at = pd.Timestamp(DAY) + pd.to_timedelta(np.round(seconds), unit="s")
    columns = {
        "TRANSACTION_ID": np.arange(9_000_000, 9_000_000 + len(cards)),
        "TX_DATETIME": at,
        "CUSTOMER_ID": cards,
        "TERMINAL_ID": cards,
        "TX_AMOUNT": euros.round(2),
        "arrival": at + pd.to_timedelta(late, unit="s"),
    }
    return prepared(pd.DataFrame(columns)).sort_values("arrival", kind="stable").reset_index(drop=True)
