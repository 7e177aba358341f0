"""The truth of the simulator, the score of a detector, and injected bursts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_simulator import FraudStrengths, SimulationSettings, read_payments, simulate
from workshop.domain.fraud import transactions
from workshop.domain.fraud.period_truth import Compromises, Score, _one_to_one, inject_bursts, matches, score, truth

EXTRACT = Path(__file__).parents[4] / "data" / "payments_extract.csv.gz"
MONDAY = pd.Timestamp("2018-06-04")


def periods(*rows: tuple) -> pd.DataFrame:
    """Periods (customer, first day, last day), days counted from a Monday."""
    days = [(customer, MONDAY + pd.Timedelta(days=a), MONDAY + pd.Timedelta(days=b)) for customer, a, b in rows]
    return pd.DataFrame(days, columns=["customer", "first", "last"])


def test_the_published_windows():
    windows = Compromises().windows()
    assert len(windows) == 521
    assert sum(map(len, windows.values())) == 543
    assert all(a + 14 <= b < c for mine in windows.values() for (a, b), (c, _) in pairwise(mine))


def test_the_truth_of_the_extract():
    payments = read_payments(EXTRACT)
    true, frauds = truth(payments), payments[payments["TX_FRAUD_SCENARIO"] == 3]
    assert set(true["customer"]) == set(frauds["CUSTOMER_ID"])
    assert true["first"].isin(frauds["TX_DATETIME"]).all()
    assert true["last"].isin(frauds["TX_DATETIME"]).all()
    inside = [
        (
            (true["customer"] == row.CUSTOMER_ID)
            & (true["first"] <= row.TX_DATETIME)
            & (true["last"] >= row.TX_DATETIME)
        ).sum()
        for row in frauds.itertuples()
    ]
    assert set(inside) == {1}


def test_the_truth_follows_the_settings():
    fraud = FraudStrengths(customers_a_day=1, customer_days=5)
    made = SimulationSettings.seeded(3, customers=120, terminals=2_000, days=60, fraud=fraud)
    true = truth(simulate(made, workers=1), Compromises(120, 60, 1, 5, made.fraud_seed))
    assert len(true) > 20
    assert (true["last"] - true["first"]).max() < pd.Timedelta(days=15)


def test_windows_that_overlap_are_one():
    every_day = Compromises(customers=1, days=30, a_day=1, lasting=14).windows()
    assert every_day == {0: [(0, 28 + 14)]}


@pytest.mark.parametrize(
    ("found", "true", "matched"),
    [
        (periods(("a", 0, 9)), periods(("a", 0, 9)), 1),
        (periods(("a", 0, 2)), periods(("a", 0, 9)), 1),  # 3 of 10 days
        (periods(("a", 0, 1)), periods(("a", 0, 9)), 0),  # 2 of 10 days
        (periods(("a", 0, 182)), periods(("a", 50, 60)), 0),  # the whole log
        (periods(("b", 0, 9)), periods(("a", 0, 9)), 0),  # another card
        (periods(("a", 0, 0)), periods(("a", 0, 0)), 1),  # a single day
        (periods(("a", 0, 4), ("a", 5, 9)), periods(("a", 0, 9)), 1),  # two warnings, one truth
        (periods(("a", 0, 9)), periods(("a", 0, 4), ("a", 5, 9)), 1),  # one warning, two truths
        (periods(("a", 0, 9), ("a", 2, 11)), periods(("a", 2, 9), ("a", 0, 4)), 2),  # the best pair is not taken first
        (periods(), periods(("a", 0, 9)), 0),
        (periods(("a", 0, 9)), periods(), 0),
    ],
)
def test_hand_cases(found, true, matched):
    result = score(found, true)
    assert (result.matched, result.found, result.true) == (matched, len(found), len(true))


def test_days_count_not_hours():
    found, true = periods(("a", 0.9, 0.95)), periods(("a", 0.1, 0.2))
    assert matches(found, true) == [(0, 0)]


def test_the_figures():
    result = Score(matched=6, found=8, true=12)
    assert (result.precision, result.recall, result.f1) == (0.75, 0.5, 0.6)
    assert (Score(0, 0, 0).precision, Score(0, 0, 0).recall, Score(0, 0, 0).f1) == (1, 1, 1)
    assert (Score(0, 0, 5).f1, Score(0, 5, 5).f1) == (0, 0)


def most_pairs(same: np.ndarray) -> int:
    """The largest matching, by trying everything."""
    if not len(same):
        return 0
    skipped = most_pairs(same[1:])
    taken = [1 + most_pairs(np.delete(same[1:], column, axis=1)) for column in np.flatnonzero(same[0])]
    return max([skipped, *taken])


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=5))
@settings(max_examples=100)
def test_as_many_pairs_as_can_be(rows):
    same = np.array(rows, dtype=bool).reshape(-1, 4)
    pairs = list(_one_to_one(same))
    assert len(pairs) == most_pairs(same)
    assert all(same[pair] for pair in pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)


def log(cards: int = 8, days: int = 40) -> pd.DataFrame:
    """One payment a day and card, and one refund."""
    day = np.tile(np.arange(days), cards)
    customer = np.repeat(np.arange(cards), days)
    cents = 100 + day
    cents[0] = -5_000
    return transactions.table(
        customer, customer % 3, MONDAY + pd.to_timedelta(day, unit="D"), cents, np.arange(len(day))
    )


def test_bursts_are_extra_ordinary_payments():
    table = log()
    more, true = inject_bursts(table, seed=1, cards=5)
    extra = more[more["payment_id"].astype(str).str.startswith("extra")]
    assert len(true) == extra["customer"].nunique() == 5
    assert extra.groupby("customer", observed=True).size().between(12, 24).all()
    assert (true["last"] - true["first"]).max() < pd.Timedelta(days=3)
    assert extra["cents"].isin(table["cents"][table["cents"] > 0]).all()
    assert more["payment_id"].is_unique
    assert more["at"].is_monotonic_increasing
    rest = more[~more["payment_id"].isin(extra["payment_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, table, check_categorical=False)


def test_bursts_repeat_with_their_seed():
    pd.testing.assert_frame_equal(inject_bursts(log(), 4)[0], inject_bursts(log(), 4)[0])
    assert not inject_bursts(log(), 4, cards=2)[1].equals(inject_bursts(log(), 5, cards=2)[1])


def test_no_card_can_have_a_burst():
    table = log(days=2)
    more, true = inject_bursts(table, seed=1)
    assert len(true) == 0
    pd.testing.assert_frame_equal(more, table)
