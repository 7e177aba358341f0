"""Retrospective detection of fraud periods, on the published payments and on others, compared with simpler detectors.

Usage: .venv/bin/python infra/benchmarks/periods.py [--data FILE.parquet] [--seeds 1,2] [--factors 3,4,8] [--customers N]

Prints tables; a found period is correct if its intersection over union with a true one is at least 0.3, one to one:
- the published payments, and the same with the two simpler detectors: merged outliers, and a cumulative sum;
- payments of other seeds, and of frauds that multiply amounts by other factors (both simulated, about a minute each);
- bursts of 12-24 extra payments within 3 days, by payments per day of the card, and the signal that found them;
- the longest period, in days and as a share of its card's payments.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from payments_simulator import FraudStrengths, SimulationSettings, simulate
from workshop.domain.fraud import transactions
from workshop.domain.fraud.period_truth import Compromises, Score, inject_bursts, matches, score, truth
from workshop.domain.fraud.periods import find_periods

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


def line(name: str, found: pd.DataFrame, result: Score, seconds: float) -> None:
    """Print one row of a table."""
    spoke = found["signal"].value_counts() if "signal" in found else {}
    signals = "  ".join(f"{signal} {spoke.get(signal, 0)}" for signal in ("amount", "count", "both") if len(spoke))
    figures = f"{result.precision:10.3f} {result.recall:7.3f} {result.f1:7.3f} {seconds:7.1f}"
    print(f"{name:36} {result.true:5} {result.found:6} {figures}   {signals}", flush=True)


def measure(name: str, table: pd.DataFrame, true: pd.DataFrame, detector: Detector = warned) -> pd.DataFrame:
    """Run a detector, print its scores, and return the found periods."""
    began = time.perf_counter()
    found = detector(table)
    line(name, found, score(found, true), time.perf_counter() - began)
    return found


def header(title: str) -> None:
    """Print the names of the columns."""
    print(f"\n{title:36} {'true':>5} {'found':>6} {'precision':>10} {'recall':>7} {'F1':>7} {'seconds':>7}   signal")


def simulated(seed: int, factor: float, customers: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate payments of another seed or strength; return the table and its true periods."""
    settings = SimulationSettings.seeded(seed, fraud=FraudStrengths(amount_factor=factor), customers=customers)
    payments = simulate(settings, workers=1)
    compromises = Compromises(customers=customers, seed=settings.fraud_seed)
    return transactions.from_simulator(payments), truth(payments, compromises)


def bursts(table: pd.DataFrame, seed: int) -> None:
    """Print the share of injected bursts that are found, by payments per day of the card, and the signals."""
    busier, true = inject_bursts(table, seed)
    found = warned(busier)
    pairs = matches(found, true)
    a_day = true["customer"].map(rates(table)).astype(float)
    hit = np.isin(np.arange(len(true)), [row for _, row in pairs])
    for low, high in ((0, 1), (1, 2), (2, 3), (3, np.inf), (0, np.inf)):
        among = ((a_day >= low) & (a_day < high)).to_numpy()
        print(
            f"seed {seed}: cards of {low}-{high} payments per day  {among.sum():4} bursts, found {hit[among].mean():.3f}"
        )
    spoke = found["signal"].iloc[[row for row, _ in pairs]].value_counts().to_dict()
    print(f"seed {seed}: signals: {spoke}", flush=True)


def rates(table: pd.DataFrame) -> pd.Series:
    """Return the payments per day of each card over the whole log."""
    days = (table["at"].max() - table["at"].min()) / DAY
    return table.groupby("customer", observed=True).size() / days


def longest(found: pd.DataFrame, table: pd.DataFrame) -> None:
    """Print the longest period, and the one with the largest share of its card's payments."""
    days = (found["last"] - found["first"]) / DAY
    sizes = found["customer"].map(table.groupby("customer", observed=True).size()).astype(float)
    shares = found["among"] / sizes
    top = days.idxmax()
    print(f"\nlongest period: {days[top]:.1f} days, {shares[top]:.1%} of its card's payments")
    print(f"largest share of a card's payments: {shares.max():.1%}, in {days[shares.idxmax()]:.1f} days")


def main() -> None:
    """Run the benchmark and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the simulator's rows as parquet (default: simulated now)")
    parser.add_argument("--seeds", default="1,2", help="other seeds")
    parser.add_argument("--factors", default="3,4,8", help="other factors of fraudulent amounts")
    parser.add_argument("--customers", type=int, default=5_000, help="customers of the other simulations")
    given = parser.parse_args()
    payments = pd.read_parquet(given.data) if given.data else simulate(workers=1)
    table, true = transactions.from_simulator(payments), truth(payments)
    header("published payments")
    found = measure("amount and count", table, true)
    measure("merged outliers (2 within 7 days)", table, true, merged_outliers)
    measure("cumulative sum of robust z", table, true, cumulative_sum)
    longest(found, table)
    print("\ninjected bursts (12-24 extra payments in 3 days)")
    for seed in (1, 2, 3):
        bursts(table, seed)
    others(given.seeds, given.factors, given.customers)


def others(seeds: str, factors: str, customers: int) -> None:
    """Measure other seeds at the published strength, and other strengths at the published seed."""
    header(f"other payments, {customers:,} customers")
    for seed in filter(None, seeds.split(",")):
        measure(f"seed {seed}, amounts x 5", *simulated(int(seed), 5.0, customers))
    for factor in filter(None, factors.split(",")):
        measure(f"seed 0, amounts x {factor}", *simulated(0, float(factor), customers))


if __name__ == "__main__":
    main()
