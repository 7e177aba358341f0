"""The published yardstick: which payments a model learns from, which it is judged on, and by which figures.

Source: chapters 3 and 4 of the *Fraud Detection Handbook* (ULB / Worldline, text CC BY-SA); the code is written afresh.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

START = date(2018, 7, 25)  # the published training week's first day
DELAY = pd.Timedelta(days=7)  # after which a fraud is known
DAILY_CHECKS = 100  # cards that the investigators can check a day


@dataclass(frozen=True)
class Split:
    """Row numbers of a table, ascending: the payments to learn from and those to judge on."""

    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Figures:
    """How good scores are; the higher the better.

    Attributes:
        auc: chance that a fraud scores above a genuine payment (area under the ROC curve).
        average_precision: precision averaged over the frauds, from the highest score down.
        card_precision: share of frauds' cards among the `DAILY_CHECKS` cards that score highest, mean over days.
    """

    auc: float
    average_precision: float
    card_precision: float

    def __str__(self) -> str:
        return "  ".join(f"{value:.3f}" for value in asdict(self).values())


def after_delay(table: pd.DataFrame, fraud: np.ndarray, delay: pd.Timedelta = DELAY) -> pd.Series:
    """When each fraud becomes known: times by payment_id, `delay` after the payment (the published protocol: 7 days)."""
    frauds = table[np.asarray(fraud, dtype=bool)]
    return pd.Series((frauds["at"] + delay).to_numpy(), index=frauds["payment_id"].to_numpy(), name="known_at")


def day_numbers(table: pd.DataFrame, start: date) -> np.ndarray:
    """Each payment's calendar day (UTC), counted from `start`; shape (rows,), int64, negative before it."""
    return (table["at"].to_numpy().astype("datetime64[D]") - np.datetime64(start)).astype(np.int64)


def split(
    table: pd.DataFrame,
    fraud: np.ndarray,
    start: date = START,
    train_days: int = 7,
    delay_days: int = 7,
    test_days: int = 7,
) -> Split:
    """Training days from `start`, then a delay, then test days without the cards already known as compromised.

    Known on test day d are the cards of the training days' frauds and of the frauds up to day d - delay - 1: an evening's
    frauds are labelled `delay_days` full days later, in time for the day after.

    Args:
        table: the canonical table; shape (rows, ...).
        fraud: each payment's label; shape (rows,), 0 or 1.
        start: the first training day.

    Raises:
        ValueError: no payment is left to learn from or to judge on.
    """
    day, fraud, card = day_numbers(table, start), np.asarray(fraud, dtype=bool), table["customer"].cat.codes.to_numpy()
    first_test = train_days + delay_days
    tests = []
    for test_day in range(first_test, first_test + test_days):
        known = card[fraud & (day >= 0) & (day <= max(test_day - delay_days - 1, train_days - 1))]
        tests.append(np.flatnonzero((day == test_day) & ~np.isin(card, known)))
    found = Split(np.flatnonzero((day >= 0) & (day < train_days)), np.concatenate(tests))
    if not (len(found.train) and len(found.test)):
        raise ValueError(f"No payments to learn from or to judge on in the weeks from {start}.")
    return found


def card_precision(
    day: np.ndarray, card: np.ndarray, fraud: np.ndarray, score: np.ndarray, checks: int = DAILY_CHECKS
) -> float:
    """Mean over days of the share of compromised cards among the `checks` cards that score highest that day.

    A card scores as its highest payment, and counts as compromised on days with a fraud of its own. One that was checked
    and found compromised is blocked: it is left out on later days. Cards of equal score: the lower number first.
    """
    rows = pd.DataFrame({"day": day, "card": card, "fraud": fraud, "score": score})
    blocked: set = set()
    shares = []
    for _, today in rows.groupby("day"):
        cards = today[~today["card"].isin(blocked)].groupby("card")[["score", "fraud"]].max()
        checked = cards.sort_values("score", ascending=False, kind="stable").head(checks)
        found = checked.index[checked["fraud"] > 0]
        blocked.update(found)
        shares.append(len(found) / checks)
    return float(np.mean(shares))


def figures(table: pd.DataFrame, fraud: np.ndarray, test: np.ndarray, score: np.ndarray) -> Figures:
    """Judge scores: one for each of the table's rows `test`; shape (len(test),), higher is more suspicious."""
    truth = np.asarray(fraud)[test]
    day, card = day_numbers(table, START)[test], table["customer"].cat.codes.to_numpy()[test]
    return Figures(
        float(roc_auc_score(truth, score)),
        float(average_precision_score(truth, score)),
        card_precision(day, card, truth, score),
    )


class Model(Protocol):
    """A model of scikit-learn's."""

    def fit(self, features: Any, fraud: np.ndarray) -> Self:
        """Train it; returns itself."""

    def predict_proba(self, features: Any) -> np.ndarray:
        """The probability of each class, a row for each row."""


def baselines(jobs: int = 1) -> dict[str, Model]:
    """The published models with their published settings, not yet trained; for the 15 published features."""
    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(random_state=0)),
        "tree, depth 2": DecisionTreeClassifier(max_depth=2, random_state=0),
        "random forest": RandomForestClassifier(random_state=0, n_jobs=jobs),
    }
