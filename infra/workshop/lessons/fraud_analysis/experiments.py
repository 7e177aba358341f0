"""Lesson 05: fraud detection by replay of half a year: rules, late labels, a model, warnings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score
from threadpoolctl import threadpool_limits

from workshop.base.settings import Settings
from workshop.domain.fraud import model, protocol, rules
from workshop.domain.fraud.features import NAMES, PUBLISHED, Features, features
from workshop.domain.fraud.period_truth import Score, score, truth
from workshop.domain.fraud.periods import PeriodWarning
from workshop.domain.fraud.transactions import from_simulator
from workshop.domain.fraud.warnings_text import warning_text
from workshop.domain.payments import PaymentMade
from workshop.domain.payments.events import FraudReported
from workshop.kafka.produce import publish
from workshop.lessons.fraud_analysis.live import customer_pays
from workshop.lessons.fraud_analysis.pictures import (
    draw_base_rate,
    draw_curves,
    draw_moments,
    draw_published,
    draw_warning,
)
from workshop.notebook import story
from workshop.notebook.connection import Connection
from workshop.notebook.live import Told

__all__ = [  # used by the notebook
    "customer_pays",
    "draw_base_rate",
    "draw_curves",
    "draw_moments",
    "draw_published",
    "draw_warning",
    "warning_text",
]

DELAY = timedelta(days=7)  # until a customer has seen the statement and reported the fraud
LOOKING_BACK = timedelta(days=37)  # the longest window of the features, 30 days, plus a week of delay
NEEDED = ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"]
AT_ONCE = 20_000  # payments that are published between two lines of progress
JOBS = os.cpu_count() or 1  # processors for the forests; the figures do not depend on it
COLUMNS = ["AUC ROC", "average precision", "card precision@100"]
PUBLISHED_FIGURES = {  # Fraud Detection Handbook, chapter 3: AUC ROC, average precision, card precision@100
    "logistic regression": (0.871, 0.606, 0.291),
    "tree, depth 2": (0.763, 0.496, 0.241),
    "random forest": (0.867, 0.658, 0.287),
    "XGBoost": (0.862, 0.639, 0.273),
}


def half_year(ws: Connection) -> tuple[str, str]:
    """Publish half a year of 250 cards, and fraud reports a week late; return the names of both topics."""
    told = Told()
    log, reports = ws.fresh_topic("half-year"), ws.fresh_topic("fraud-reports", partitions=1)
    payments = story.payments()
    told.say("publishing payments")
    events, published = story.events(payments), 0
    while batch := list(islice(events, AT_ONCE)):
        publish(ws, log, batch)
        published += len(batch)
        told.now(f"{published:,} of {len(payments):,} payments are published")
    late = [report_of(payment) for payment in story.events(_frauds())]
    publish(ws, reports, late)
    told.say(f"and {len(late):,} fraud reports")
    return log, reports


def _frauds() -> pd.DataFrame:
    rows = story.payments()
    return rows[rows["TX_FRAUD"] == 1]


def report_of(payment: PaymentMade) -> FraudReported:
    """Return the report of a payment, a week after it."""
    about = (payment.card, payment.amount_cents, payment.at + DELAY, payment.payment_id)
    return FraudReported(*about, payment.terminal, payment.timestamp_ms())


def labels(table: pd.DataFrame) -> np.ndarray:
    """Return the truth about each payment, 1 for fraud, unknown at payment time; shape (rows,)."""
    return table["payment_id"].isin([f"payment-{n:07d}" for n in _frauds()["TRANSACTION_ID"]]).to_numpy().astype(int)


def known_at_once(table: pd.DataFrame, fraud: np.ndarray) -> pd.Series:
    """Return the reports as if every fraud were known at payment time, which no bank can achieve."""
    frauds = table[fraud == 1]
    return pd.Series(frauds["at"].to_numpy(), index=frauds["payment_id"].to_numpy())


def rule_flags(seen: pd.DataFrame) -> pd.DataFrame:
    """Return which rule flagged each payment; one column of booleans per rule."""
    rows = [Features(*row) for row in seen[list(NAMES)].itertuples(index=False, name=None)]
    return pd.DataFrame({name: [rule(row) is not None for row in rows] for name, rule in rules.RULES.items()})


def rule_table(flags: pd.DataFrame, fraud: np.ndarray) -> pd.DataFrame:
    """Return flags, precision and recall of each rule, and of all rules together."""
    columns = {**{name: flags[name] for name in flags}, "any of them": flags.any(axis=1)}
    found = {
        name: {
            "flags": int(flag.sum()),
            "precision": f"{fraud[flag].mean():.0%}" if flag.any() else "",
            "recall": f"{fraud[flag].sum() / fraud.sum():.0%}",
        }
        for name, flag in columns.items()
    }
    return pd.DataFrame(found).T


def average_precisions(fraud: np.ndarray, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return each score's average precision: 1 if all frauds rank first, the base rate if uninformative."""
    return {name: round(float(average_precision_score(fraud, values)), 3) for name, values in scores.items()}


def published_payments(told: Told | None = None) -> pd.DataFrame:
    """Return the published payments that the published split needs: its weeks and the 37 days before them.

    All 1,754,155 are simulated once and kept in the cache folder; only a part is read into memory.
    """
    file = Path(Settings.load().cache) / "payments-published.parquet"
    if not file.exists():
        from payments_simulator import simulate

        if told:
            told.say("simulating 1,754,155 payments (once)")
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        simulate().to_parquet(part)
        part.replace(file)
    first, last = protocol.START - LOOKING_BACK, protocol.START + timedelta(days=20)
    days = [("TX_DATETIME", ">=", pd.Timestamp(first)), ("TX_DATETIME", "<", pd.Timestamp(last + timedelta(days=1)))]
    return pd.read_parquet(file, columns=NEEDED, filters=days)


@dataclass(frozen=True)
class PublishedSplit:
    """The payments of the published weeks, their features and labels, and the rows for training and test."""

    table: pd.DataFrame
    fraud: np.ndarray
    seen: pd.DataFrame
    rows: protocol.Split


def published_split() -> PublishedSplit:
    """Return the published split: training from 25 to 31 July, test from 8 to 14 August 2018."""
    told = Told()
    told.say("reading the payments")
    payments = published_payments(told)
    told.say(f"features of {len(payments):,} payments")
    table, fraud = from_simulator(payments), payments["TX_FRAUD"].to_numpy()
    seen = features(table, protocol.after_delay(table, fraud))
    told.say("done")
    return PublishedSplit(table, fraud, seen, protocol.split(table, fraud))


def published_models(split: PublishedSplit) -> pd.DataFrame:
    """Train and test the published models, except XGBoost; a line shows the model that is under way.

    Returns:
        One row per source ("published" or "here") and model; columns AUC ROC, average precision, card precision@100.
    """
    told = Told()
    seen, train, test = split.seen[list(PUBLISHED)], split.rows.train, split.rows.test
    rows = {("published", name): figures for name, figures in PUBLISHED_FIGURES.items()}
    for name, untrained in protocol.baselines(jobs=JOBS).items():
        told.say(name)
        scores = untrained.fit(seen.iloc[train], split.fraud[train]).predict_proba(seen.iloc[test])[:, 1]
        rows["here", name] = _three(protocol.figures(split.table, split.fraud, test, scores))
    told.say("done")
    return pd.DataFrame(rows, index=COLUMNS).T.round(3)


def with_own_model(split: PublishedSplit, figures: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return the figures of the published models with one more row: the workshop's own model."""
    told = Told()
    told.say("training the workshop's own model")
    train, test = split.rows.train, split.rows.test
    # OpenMP's threads wait for each other busily: on a busy machine two threads need far longer than one.
    with threadpool_limits(1, user_api="openmp"):
        ours = model.train(split.seen.iloc[train], split.fraud[train], seed=seed, jobs=JOBS)
        scores = model.score(ours, split.seen.iloc[test])
    told.say("done")
    row = pd.DataFrame(
        {("here", "the workshop's own"): _three(protocol.figures(split.table, split.fraud, test, scores))},
        index=COLUMNS,
    )
    return pd.concat([figures, row.T.round(3)])


def _three(figures: protocol.Figures) -> tuple[float, float, float]:
    return figures.auc, figures.average_precision, figures.card_precision


def period_score(found: list[PeriodWarning]) -> Score:
    """Return the score of warnings about the 250 cards against the truth: found periods and false alarms."""
    true = truth(story.payments())
    true["customer"] = [f"card-{number:04d}" for number in true["customer"]]
    return score(pd.DataFrame([(w.customer, w.first, w.last) for w in found], columns=list(true.columns)), true)
