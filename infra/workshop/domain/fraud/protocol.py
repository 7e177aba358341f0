"""The published benchmark: payments for training, payments for the test, and the figures of quality.

Source: chapters 3 and 4 of the *Fraud Detection Handbook* (ULB / Worldline, text CC BY-SA); the code was written for this
project.
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
DELAY = pd.Timedelta(days=7)  # the time until a fraud is known
DAILY_CHECKS = 100  # cards that the investigators can check per day


@dataclass(frozen=True)
class Split:
    """Ascending row numbers of a table: the payments for training and for the test."""

    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Figures:
    """The quality of scores; higher is better.

    Attributes:
        auc: probability that a fraud scores above a genuine payment (area under the ROC curve).
        average_precision: precision averaged over the frauds, from the highest score down.
        card_precision: share of compromised cards among the `DAILY_CHECKS` cards that score highest, mean over days.
    """

    auc: float
    average_precision: float
    card_precision: float

    def __str__(self) -> str:
        return "  ".join(f"{value:.3f}" for value in asdict(self).values())


def after_delay(table: pd.DataFrame, fraud: np.ndarray, delay: pd.Timedelta = DELAY) -> pd.Series:
    """Return the time at which each fraud becomes known, by payment_id: `delay` after the payment.

    The published protocol has a delay of 7 days.
    """
    frauds = table[np.asarray(fraud, dtype=bool)]
    return pd.Series((frauds["at"] + delay).to_numpy(), index=frauds["payment_id"].to_numpy(), name="known_at")


def day_numbers(table: pd.DataFrame, start: date) -> np.ndarray:
    """Return each payment's calendar day (UTC) from `start` on; shape (rows,), int64, negative before it."""
    return (table["at"].to_numpy().astype("datetime64[D]") - np.datetime64(start)).astype(np.int64)


def split(
    table: pd.DataFrame,
    fraud: np.ndarray,
    start: date = START,
    train_days: int = 7,
    delay_days: int = 7,
    test_days: int = 7,
) -> Split:
    """Split a table into training days from `start` and, after a delay, test days.

    The test days exclude the cards already known as compromised. Known on test day d are the cards of the training days'
    frauds and of the frauds up to day d - delay - 1: an evening's frauds are labelled `delay_days` full days later, in time
    for the day after.

    Args:
        table: the canonical table; shape (rows, ...).
        fraud: each payment's label; shape (rows,), 0 or 1.
        start: the first training day.

    Raises:
        ValueError: no payment is left for training or for the test.
    """
    day, fraud, card = day_numbers(table, start), np.asarray(fraud, dtype=bool), table["customer"].cat.codes.to_numpy()
    first_test = train_days + delay_days
    tests = []
    for test_day in range(first_test, first_test + test_days):
        known = card[fraud & (day >= 0) & (day <= max(test_day - delay_days - 1, train_days - 1))]
        tests.append(np.flatnonzero((day == test_day) & ~np.isin(card, known)))
    found = Split(np.flatnonzero((day >= 0) & (day < train_days)), np.concatenate(tests))
    if not (len(found.train) and len(found.test)):
        raise ValueError(f"No payments for training or for the test in the weeks from {start}.")
    return found


def card_precision(
    day: np.ndarray, card: np.ndarray, fraud: np.ndarray, score: np.ndarray, checks: int = DAILY_CHECKS
) -> float:
    """Return the share of compromised cards among each day's `checks` highest scores, mean over days.

    A card has the score of its highest payment, and counts as compromised on days with a fraud of its own. A card that was
    checked and found compromised is blocked: it is left out on later days. Of cards with equal scores, the lower number
    comes first.
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
    """Evaluate scores, one per row in `test`; shape (len(test),), higher is more suspicious."""
    truth = np.asarray(fraud)[test]
    day, card = day_numbers(table, START)[test], table["customer"].cat.codes.to_numpy()[test]
    return Figures(
        float(roc_auc_score(truth, score)),
        float(average_precision_score(truth, score)),
        card_precision(day, card, truth, score),
    )


class Model(Protocol):
    """A model of scikit-learn."""

    def fit(self, features: Any, fraud: np.ndarray) -> Self:
        """Train the model and return it."""

    def predict_proba(self, features: Any) -> np.ndarray:
        """Return the probability of each class, one row per row of `features`."""


def baselines(jobs: int = 1) -> dict[str, Model]:
    """Return the published models, untrained, with their settings; for the 15 published features."""
    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(random_state=0)),
        "tree, depth 2": DecisionTreeClassifier(max_depth=2, random_state=0),
        "random forest": RandomForestClassifier(random_state=0, n_jobs=jobs),
    }
