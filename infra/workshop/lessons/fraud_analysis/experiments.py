"""Lesson 05: fraud detection by replay of half a year: rules, late labels, a model, warnings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from kafka import KafkaProducer
from sklearn.metrics import average_precision_score

from workshop.base.settings import Settings
from workshop.domain.fraud import model, protocol, rules
from workshop.domain.fraud.features import NAMES, PUBLISHED, Features, features
from workshop.domain.fraud.period_truth import Score, score, truth
from workshop.domain.fraud.periods import PeriodWarning
from workshop.domain.fraud.transactions import from_simulator
from workshop.domain.fraud.warnings_text import warning_text
from workshop.domain.payments import PaymentMade, parse
from workshop.domain.payments.events import FraudReported
from workshop.kafka import consume
from workshop.kafka.produce import IN_BULK, publish
from workshop.lessons.fraud_analysis.live import pay_live
from workshop.lessons.fraud_analysis.pictures import (
    draw_base_rate,
    draw_curves,
    draw_moments,
    draw_published,
    draw_warning,
)
from workshop.notebook import story
from workshop.notebook.connection import Connection

__all__ = [  # used by the notebook
    "draw_base_rate",
    "draw_curves",
    "draw_moments",
    "draw_published",
    "draw_warning",
    "pay_live",
    "warning_text",
]

DELAY = timedelta(days=7)  # until a customer has seen the statement and reported the fraud
LOOKING_BACK = timedelta(days=37)  # the longest window of the features, 30 days, plus a week of delay
NEEDED = ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"]
PUBLISHED_FIGURES = {  # Fraud Detection Handbook, chapter 3: AUC ROC, average precision, card precision@100
    "logistic regression": (0.871, 0.606, 0.291),
    "tree, depth 2": (0.763, 0.496, 0.241),
    "random forest": (0.867, 0.658, 0.287),
    "XGBoost": (0.862, 0.639, 0.273),
}


def half_year(ws: Connection) -> tuple[str, str]:
    """Publish half a year of 250 cards, and fraud reports a week late; return the names of both topics."""
    log, reports = ws.fresh_topic("half-year"), ws.fresh_topic("fraud-reports", partitions=1)
    publish(ws, log, story.events(story.payments()))
    publish(ws, reports, [report_of(payment) for payment in story.events(_frauds())])
    return log, reports


def _frauds() -> pd.DataFrame:
    rows = story.payments()
    return rows[rows["TX_FRAUD"] == 1]


def report_of(payment: PaymentMade) -> FraudReported:
    """Return the report of a payment, a week after it."""
    about = (payment.card, payment.amount_cents, payment.at + DELAY, payment.payment_id)
    return FraudReported(*about, payment.terminal, payment.timestamp_ms())


def reported(ws: Connection, topic: str) -> pd.Series:
    """Return the time at which each fraud became known, by payment_id, from the topic of reports."""
    events = [parse(record.value) for record in consume.read_all(ws, topic)]
    times = pd.to_datetime([event.at for event in events], utc=True).tz_localize(None)
    return pd.Series(times, index=[event.payment_id for event in events], name="known_at")


def labels(table: pd.DataFrame) -> np.ndarray:
    """Return the truth about each payment, 1 for fraud, unknown at payment time; shape (rows,)."""
    return table["payment_id"].isin([f"payment-{n:07d}" for n in _frauds()["TRANSACTION_ID"]]).to_numpy().astype(int)


def known_at_once(table: pd.DataFrame, fraud: np.ndarray) -> pd.Series:
    """Return the reports as if every fraud were known at payment time, which no bank can achieve."""
    frauds = table[fraud == 1]
    return pd.Series(frauds["at"].to_numpy(), index=frauds["payment_id"].to_numpy())


def spoken(seen: pd.DataFrame) -> pd.DataFrame:
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


def published_payments() -> pd.DataFrame:
    """Return the published payments that the published split needs: its weeks and the 37 days before them.

    All 1,754,155 are simulated once (about ten seconds) and kept in the cache folder; only a part is read into memory.
    """
    file = Path(Settings.load().cache) / "payments-published.parquet"
    if not file.exists():
        from payments_simulator import simulate

        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        simulate().to_parquet(part)
        part.replace(file)
    first, last = protocol.START - LOOKING_BACK, protocol.START + timedelta(days=20)
    days = [("TX_DATETIME", ">=", pd.Timestamp(first)), ("TX_DATETIME", "<", pd.Timestamp(last + timedelta(days=1)))]
    return pd.read_parquet(file, columns=NEEDED, filters=days)


def on_the_published_split(seed: int = 0) -> pd.DataFrame:
    """Train on 25 to 31 July, test on 8 to 14 August 2018, and compare with the published figures.

    Returns:
        One row per source ("published" or "here") and model; columns AUC ROC, average precision, card precision@100.
    """
    payments = published_payments()
    table, fraud = from_simulator(payments), payments["TX_FRAUD"].to_numpy()
    seen = features(table, protocol.after_delay(table, fraud))
    split = protocol.split(table, fraud)
    rows = {("published", name): figures for name, figures in PUBLISHED_FIGURES.items()}
    for name, untrained in protocol.baselines(jobs=2).items():
        learned = untrained.fit(seen[list(PUBLISHED)].iloc[split.train], fraud[split.train])
        scores = learned.predict_proba(seen[list(PUBLISHED)].iloc[split.test])[:, 1]
        rows["here", name] = _three(protocol.figures(table, fraud, split.test, scores))
    ours = model.train(seen.iloc[split.train], fraud[split.train], seed=seed, jobs=2)
    scores = model.score(ours, seen.iloc[split.test])
    rows["here", "the workshop's own"] = _three(protocol.figures(table, fraud, split.test, scores))
    return pd.DataFrame(rows, index=["AUC ROC", "average precision", "card precision@100"]).T.round(3)


def _three(figures: protocol.Figures) -> tuple[float, float, float]:
    return figures.auc, figures.average_precision, figures.card_precision


def period_score(found: list[PeriodWarning]) -> Score:
    """Return the score of warnings about the 250 cards against the truth: found periods and false alarms."""
    true = truth(story.payments())
    true["customer"] = [f"card-{number:04d}" for number in true["customer"]]
    return score(pd.DataFrame([(w.customer, w.first, w.last) for w in found], columns=list(true.columns)), true)


def publish_warnings(ws: Connection, topic: str, found: list[PeriodWarning]) -> int:
    """Publish the warnings with the customer's sentence in English and French; return their number."""
    with closing(KafkaProducer(**ws.kafka, acks="all", **IN_BULK)) as producer:
        for warning in found:
            fields = {
                "type": "PeriodWarning",
                "card": warning.customer,
                "first": warning.first.isoformat(),
                "last": warning.last.isoformat(),
                "amount_cents": warning.cents,
                "payment_ids": list(warning.payment_ids),
                "signal": warning.signal,
                "score": round(warning.score, 3),
                "sentence": {language: warning_text(warning, language) for language in ("en", "fr")},
            }
            value = json.dumps(fields, ensure_ascii=False).encode()
            producer.send(topic, key=str(warning.customer).encode(), value=value, headers=[("type", b"PeriodWarning")])
        producer.flush()
    return len(found)
