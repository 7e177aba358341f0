"""Fraud detection by the published protocol: figures of the published models and of the workshop's model, and durations.

The set is simulated (10 to 20 s). Measured are:
- the counts of the split, and the duration of computing the features, all at once and one event at a time;
- AUC ROC, average precision and card precision@100 of the published models and of the workshop's model, whose seed is the
  number of the run;
- the workshop's model on eight other weeks, which were not used to choose it: mean and worst.

Only the figures of the seed differ between runs, so all others are measured in run 0.

Two of the published rows depend on an order that the publication does not define. Payments of the same second: the forest
draws its samples by row number (the figure "random forest, published order" sorts them like the published files). Cards of
equal score: the tree has four different scores, and card precision@100 is .236 to .241.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import astuple
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import payments_model
import payments_simulator as simulator
from workshop.base.errors import WorkshopError
from workshop.domain.fraud import features, model, protocol, transactions
from workshop.domain.fraud.stream import FeatureStream

from benchmarks.measuring import Values

STACK = "none"
RUNS = 5
JOBS = 2  # processors for the forests
MODELS = ("logistic regression", "tree, depth 2", "random forest")  # published
NAMED = (*MODELS, "random forest, published order", "own", "own, other weeks: mean", "own, other weeks: worst")
SCORES = ("AUC", "AP", "CP@100")
FIGURES = {
    "features, all at once": "s",
    "features, one at a time": "s",
    "payments, training": "payments",
    "frauds, training": "payments",
    "payments, test": "payments",
    "frauds, test": "payments",
    "own: training and scoring": "s",
    **{f"{model}: {score}": "" for model in NAMED for score in SCORES},
}
OTHER_STARTS = [date(2018, 5, 16) + timedelta(weeks=week) for week in range(3)]
OTHER_STARTS += [date(2018, 8, 8) + timedelta(weeks=week) for week in range(5)]
STREAMED = 200_000  # payments


class Study:
    """The published set, its labels, reports and features."""

    def __init__(self) -> None:
        self.payments = payments = simulator.simulate()
        self.table, self.fraud = transactions.from_simulator(payments), payments["TX_FRAUD"].to_numpy()
        self.reports = protocol.after_delay(self.table, self.fraud)
        began = time.perf_counter()
        self.seen = features.features(self.table, self.reports)
        self.seconds = time.perf_counter() - began

    def baseline(self, name: str, rows: protocol.Split) -> protocol.Figures:
        """Return the figures of a published model on the published features."""
        seen = self.seen[list(features.PUBLISHED)]
        fitted = protocol.baselines(JOBS)[name].fit(seen.iloc[rows.train], self.fraud[rows.train])
        score = fitted.predict_proba(seen.iloc[rows.test])[:, 1]
        return protocol.figures(self.table, self.fraud, rows.test, score)

    def own(self, rows: protocol.Split, seed: int = 0) -> protocol.Figures:
        """Return the figures of the workshop's model."""
        trained = model.train(self.seen.iloc[rows.train], self.fraud[rows.train], seed, JOBS)
        return protocol.figures(self.table, self.fraud, rows.test, model.score(trained, self.seen.iloc[rows.test]))

    def week(self, start: date = protocol.START) -> protocol.Split:
        """Return the split whose training days begin at `start`."""
        return protocol.split(self.table, self.fraud, start)


def over(found: list[protocol.Figures], *summaries: Callable[..., np.ndarray]) -> list[protocol.Figures]:
    """Return summaries (mean, min) of each of the figures."""
    columns = np.array([astuple(one) for one in found])
    return [protocol.Figures(*summary(columns, axis=0)) for summary in summaries]


def stream(study: Study) -> float:
    """Return the seconds for the features of a part of the log, one event at a time.

    Raises:
        WorkshopError: they differ from those that are computed all at once.
    """
    rows = study.payments.head(STREAMED)
    at, cents = features.milliseconds(rows["TX_DATETIME"]).tolist(), study.table["cents"].head(STREAMED).tolist()
    events = list(zip(rows["CUSTOMER_ID"].tolist(), rows["TERMINAL_ID"].tolist(), at, cents, strict=True))
    frauds = [(events[row][2] + 7 * 86_400_000, row) for row in np.flatnonzero(rows["TX_FRAUD"]).tolist()][::-1]
    running, found = FeatureStream(), []
    began = time.perf_counter()
    for event in events:
        while frauds and frauds[-1][0] <= event[2]:
            known, row = frauds.pop()
            running.report(row, events[row][1], events[row][2], known)
        found.append(running.payment(*event))
    took = time.perf_counter() - began
    if not (np.array(found) == study.seen.head(STREAMED).to_numpy()).all():
        raise WorkshopError("The features one at a time differ from those all at once.")
    return took


def published_order(train: np.ndarray) -> np.ndarray:
    """Return row numbers in the published order: that of an unstable sort of the payments as drawn."""
    settings = simulator.SimulationSettings()
    drawn = [payments_model._piece(settings, *piece).seconds for piece in payments_model._pieces(settings)]
    at = pd.Series(pd.Timestamp(settings.start) + pd.to_timedelta(np.concatenate(drawn), unit="s"))
    theirs, ours = (
        at.sort_values().index,
        at.sort_values(kind="stable").index,
    )  # of times: the unstable order of numbers differs
    return train[np.argsort(np.argsort(theirs)[ours][train])]


@cache
def study() -> Study:
    """Return the published set, made once for all runs."""
    return Study()


def measure(run: int) -> Values:
    """Measure the workshop's model with the run's seed, and in run 0 everything else."""
    one = study()
    rows = one.week()
    if run == 0:
        yield from _once(one, rows)
    began = time.perf_counter()
    found = one.own(rows, run)
    yield "own: training and scoring", time.perf_counter() - began
    yield from _scores("own", found)


def _once(one: Study, rows: protocol.Split) -> Values:
    yield "features, all at once", one.seconds
    yield "features, one at a time", stream(one)
    for name, part in (("training", rows.train), ("test", rows.test)):
        yield f"payments, {name}", len(part)
        yield f"frauds, {name}", one.fraud[part].sum()
    for name in MODELS:
        yield from _scores(name, one.baseline(name, rows))
    ordered = protocol.Split(published_order(rows.train), rows.test)
    yield from _scores("random forest, published order", one.baseline("random forest", ordered))
    mean, worst = over([one.own(one.week(start)) for start in OTHER_STARTS], np.mean, np.min)
    yield from _scores("own, other weeks: mean", mean)
    yield from _scores("own, other weeks: worst", worst)


def _scores(model: str, found: protocol.Figures) -> Values:
    yield from zip((f"{model}: {score}" for score in SCORES), astuple(found), strict=True)
