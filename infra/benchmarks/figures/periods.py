"""Retrospective detection of fraud periods, on the published payments and on others, compared with simpler detectors.

A found period is correct if its intersection over union with a true one is at least 0.3, one to one. Measured are:
- the published payments, and the same with the two simpler detectors: merged outliers, and a cumulative sum;
- payments of other seeds, and of frauds that multiply amounts by other factors (both simulated, about a minute each);
- bursts of 12-24 extra payments within 3 days, by payments per day of the card; their seed is 1 in run 0, 2 in run 1;
- the longest period, in days.

Only the bursts differ between runs, so all others are measured in run 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pandas as pd
from payments_simulator import FraudStrengths, SimulationSettings, simulate
from workshop.domain.fraud import transactions
from workshop.domain.fraud.period_truth import Compromises, inject_bursts, matches, score, truth
from workshop.domain.fraud.periods import find_periods

from benchmarks.measuring import Values

STACK = "none"
SEEDS = (1, 2)  # others than the published one
FACTORS = (3, 4, 8)  # of fraudulent amounts; published: 5
CUSTOMERS = 5_000  # of the other simulations
BURSTS: dict[str, tuple[float, float]] = {
    "up to one": (0, 1),
    "up to two": (1, 2),
    "up to three": (2, 3),
    "above three": (3, np.inf),
    "above two": (2, np.inf),
    "all": (0, np.inf),
}
SETS = ("published", "merged outliers", "cumulative sum")
OTHERS = (*(f"seed {seed}" for seed in SEEDS), *(f"factor {factor}" for factor in FACTORS))
FIGURES = {
    "true periods": "periods",
    **{f"{name}: {figure}": "" for name in (*SETS, *OTHERS) for figure in ("precision", "recall", "F1")},
    "longest period": "days",
    **{f"bursts, {name}": "" for name in BURSTS},
}

DAY = pd.Timedelta(days=1)
Detector = Callable[[pd.DataFrame], pd.DataFrame]


def warned(table: pd.DataFrame) -> pd.DataFrame:
    """Return the periods found by the workshop's detector."""
    return pd.DataFrame(find_periods(table))


def by_card(table: pd.DataFrame) -> pd.DataFrame:
    """Return payments by card and time, with median and median absolute deviation of the card, in cents."""
    rows = table.sort_values(["customer", "at"], kind="stable")
    rows["median"] = rows.groupby("customer", observed=True)["cents"].transform("median")
    rows["off"] = rows["cents"] - rows["median"]
    deviation = rows.assign(off=rows["off"].abs()).groupby("customer", observed=True)["off"]
    return rows.assign(mad=deviation.transform("median"))


def merged_outliers(table: pd.DataFrame, days: int = 7, least: int = 2) -> pd.DataFrame:
    """Return periods of payments over three times the card's median, merged if at most `days` days apart."""
    rows = by_card(table)
    rows = rows[rows["cents"] > 3 * rows["median"]]
    same = (rows["customer"] == rows["customer"].shift()) & (rows["at"].diff() <= days * DAY)
    groups = rows.groupby((~same).cumsum())
    found = groups.agg(customer=("customer", "first"), first=("at", "first"), last=("at", "last"), size=("at", "size"))
    return found[found["size"] >= least].reset_index(drop=True)


def cumulative_sum(table: pd.DataFrame, drift: float = 1.0, alarm: float = 8.0) -> pd.DataFrame:
    """Return periods by Page's cumulative sum of robust z-scores (cut at 10) minus a drift.

    A period lasts from the rise of the sum to its maximum.
    """
    rows = by_card(table)
    z = (rows["off"] / np.maximum(1.4826 * rows["mad"], 1)).clip(-10, 10).to_numpy() - drift
    found = []
    for customer, places in rows.groupby("customer", observed=True).indices.items():
        found += [(customer, places[a], places[b]) for a, b in _rises(z[places].tolist(), alarm)]
    customers, first, last = zip(*found, strict=True)
    at = rows["at"].to_numpy()
    return pd.DataFrame({"customer": customers, "first": at[list(first)], "last": at[list(last)]})


def _rises(steps: list[float], alarm: float) -> Iterator[tuple[int, int]]:
    """Yield (start, maximum) of each rise of the sum above 0 that reaches the alarm."""
    total = top = 0.0
    start = highest = 0
    for index, step in enumerate([*steps, -np.inf]):
        if total <= 0:
            total, top, start = 0.0, 0.0, index
        total += step
        if total > top:
            top, highest = total, index
        if total <= 0 and top >= alarm:
            yield start, highest


def scores(name: str, table: pd.DataFrame, true: pd.DataFrame, detector: Detector = warned) -> Values:
    """Run a detector and yield its scores."""
    result = score(detector(table), true)
    yield f"{name}: precision", result.precision
    yield f"{name}: recall", result.recall
    yield f"{name}: F1", result.f1


def simulated(seed: int, factor: float, customers: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate payments of another seed or strength; return the table and its true periods."""
    settings = SimulationSettings.seeded(seed, fraud=FraudStrengths(amount_factor=factor), customers=customers)
    payments = simulate(settings, workers=1)
    compromises = Compromises(customers=customers, seed=settings.fraud_seed)
    return transactions.from_simulator(payments), truth(payments, compromises)


def bursts(table: pd.DataFrame, seed: int) -> Values:
    """Yield the share of injected bursts that are found, by payments per day of the card."""
    busier, true = inject_bursts(table, seed)
    pairs = matches(warned(busier), true)
    a_day = true["customer"].map(rates(table)).astype(float)
    hit = np.isin(np.arange(len(true)), [row for _, row in pairs])
    for name, (low, high) in BURSTS.items():
        among = ((a_day >= low) & (a_day < high)).to_numpy()
        yield f"bursts, {name}", hit[among].mean()


def rates(table: pd.DataFrame) -> pd.Series:
    """Return the payments per day of each card over the whole log."""
    days = (table["at"].max() - table["at"].min()) / DAY
    return table.groupby("customer", observed=True).size() / days


@cache
def published() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of the published payments and its true periods, made once for all runs."""
    payments = simulate(workers=1)
    return transactions.from_simulator(payments), truth(payments)


def measure(run: int) -> Values:
    """Measure bursts of the run's seed, and in run 0 everything else."""
    table, true = published()
    yield from bursts(table, run + 1)
    if run:
        return
    yield "true periods", len(true)
    yield from scores("published", table, true)
    yield from scores("merged outliers", table, true, merged_outliers)
    yield from scores("cumulative sum", table, true, cumulative_sum)
    found = warned(table)
    yield "longest period", ((found["last"] - found["first"]) / DAY).max()
    for seed in SEEDS:
        yield from scores(f"seed {seed}", *simulated(seed, 5.0, CUSTOMERS))
    for factor in FACTORS:
        yield from scores(f"factor {factor}", *simulated(0, float(factor), CUSTOMERS))
