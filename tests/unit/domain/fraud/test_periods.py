"""The warning afterwards: what it must find, what it must leave alone, and that its figures add up."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from payments_simulator import read_payments
from workshop.domain.fraud import transactions
from workshop.domain.fraud.period_truth import inject_bursts, matches, score, truth
from workshop.domain.fraud.periods import Habits, find_periods
from workshop.domain.fraud.segments import burst_evidence, maximal_segments, restlessness

EXTRACT = Path(__file__).parents[4] / "data" / "payments_extract.csv.gz"
START = pd.Timestamp("2018-04-01")


def log(days, cents, customer="a", ids=None) -> pd.DataFrame:
    """A log of payments at these days (fractions count) after the start."""
    at = START + pd.to_timedelta(np.asarray(days, float), unit="D").round("s")
    customers = [customer] * len(at) if isinstance(customer, str) else customer
    return transactions.table(
        customers, None, at, np.asarray(cents, dtype=np.int64), np.arange(len(at)) if ids is None else ids
    )


def honest(seed: int = 0, cards: int = 150, days: int = 183) -> pd.DataFrame:
    """Cards that pay 0.1 to 4 times a day, amounts of a normal spread half their mean: nothing strange."""
    draw = np.random.default_rng(seed)
    counts = draw.poisson(draw.uniform(0.1, 4, cards) * days)
    customer = np.repeat(np.arange(cards), counts)
    mean = draw.uniform(500, 10_000, cards)[customer]
    amounts = np.maximum(mean * (1 + draw.standard_normal(len(mean)) / 2), 1).astype(np.int64)
    return log(draw.uniform(0, days, len(mean)), amounts, customer)


def one_card(high=(), value=5_000, payments: int = 300) -> pd.DataFrame:
    """A card that pays 10.00 twice a day, but `value` at these places."""
    cents = np.full(payments, 1_000)
    cents[list(high)] = value
    return log(np.arange(payments) / 2, cents)


def facts(warnings) -> list[tuple]:
    """What can be compared without the score's last digit."""
    return [(w.customer, w.first, w.last, w.payments, w.among, w.cents, w.payment_ids, w.signal) for w in warnings]


def best_split(scores: list[int]) -> list[tuple[int, int, int]]:
    """The definition: the best stretch (the longest, then the first), then left and right of it."""
    stretches = [(sum(scores[a:b]), b - a, -a) for a in range(len(scores)) for b in range(a + 1, len(scores) + 1)]
    total, length, start = max(stretches, default=(0, 0, 0))
    if total <= 0:
        return []
    a, b = -start, -start + length
    right = [(first + b, end + b, value) for first, end, value in best_split(scores[b:])]
    return [*best_split(scores[:a]), (a, b, total), *right]


@given(st.lists(st.integers(-(2**40), 2**40), max_size=12, unique_by=abs))
@settings(max_examples=300)
def test_segments_are_those_of_the_definition(scores):
    # A stretch whose sum is 0 may be taken along or not: that is a tie, for the next test.
    assume(all(sum(scores[a:b]) for a in range(len(scores)) for b in range(a + 1, len(scores) + 1)))
    assert maximal_segments(scores) == best_split(scores)


@given(st.lists(st.integers(-3, 3), max_size=14))
@settings(max_examples=300)
def test_segments_with_ties_have_the_sums_of_the_definition(scores):
    found = maximal_segments(scores)
    assert all(sum(scores[a:b]) == value > 0 for a, b, value in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    assert max((value for *_, value in found), default=0) == max((value for *_, value in best_split(scores)), default=0)


def test_segments_of_the_published_example():
    found = maximal_segments([4, -5, 3, -3, 1, 2, -2, 2, -2, 1, 5])
    assert found == [(0, 1, 4), (2, 3, 3), (4, 11, 7)]


def test_burst_evidence():
    inside, total, share = np.array([1, 10, 20]), np.array([100, 100, 20]), np.array([0.02, 0.02, 0.02])
    few, many, every = burst_evidence(inside, total, share)
    assert few == 0
    assert many == pytest.approx(10 * np.log(5) + 90 * np.log(90 / 98))
    assert every == pytest.approx(20 * np.log(50))


def test_restlessness_forgets_one_burst():
    calm, bursting = [2, 3] * 10, [2, 3] * 9 + [40, 50]
    wild = [0, 0, 0, 0, 20] * 4
    counts = np.array(calm + bursting + wild)
    unrest = restlessness(counts, np.repeat(np.arange(3), 20), 3)
    assert unrest[:2].tolist() == [1, 1]
    assert unrest[2] > 5


def test_an_honest_log_gives_nearly_no_warning():
    warnings = [warning for seed in range(4) for warning in find_periods(honest(seed))]
    assert len(warnings) <= 6  # of 600 cards; the bound is 2 % for each signal


def test_a_series_of_high_amounts_is_found():
    (warning,) = find_periods(one_card(high=[100, 103, 105, 110]))
    assert warning.signal == "amount"
    assert (warning.first, warning.last) == (START + pd.Timedelta(days=50), START + pd.Timedelta(days=55))
    assert (warning.payments, warning.among, warning.cents) == (4, 11, 20_000)
    assert warning.payment_ids == (100, 103, 105, 110)
    assert warning.score > 0


def test_two_series_are_two_warnings_the_stronger_first():
    warnings = find_periods(one_card(high=[20, 21, 24, 200, 201, 202, 204, 205]))
    assert [warning.payments for warning in warnings] == [5, 3]
    assert warnings[0].score > warnings[1].score


def test_a_burst_is_found():
    days = np.concatenate([np.arange(90) * 2, 81 + np.arange(15) / 6])
    (warning,) = find_periods(log(days, np.full(105, 700)))
    assert (warning.signal, warning.customer) == ("count", "a")
    assert warning.payments == warning.among
    assert 15 <= warning.payments <= 17
    assert warning.cents == 700 * warning.payments
    assert set(range(90, 105)) <= set(warning.payment_ids)


def test_a_burst_of_high_amounts_is_both():
    days = np.concatenate([np.arange(90) * 2, 81 + np.arange(15) / 6])
    (warning,) = find_periods(log(days, [700] * 90 + [7_000] * 15))
    assert warning.signal == "both"
    assert len(set(warning.payment_ids)) == warning.payments


def test_the_extract_is_solved():
    payments = read_payments(EXTRACT)
    result = score(pd.DataFrame(find_periods(transactions.from_simulator(payments))), truth(payments))
    assert result.true > 15
    assert result.precision >= 0.85
    assert result.recall >= 0.8


def test_injected_bursts_are_found_on_calm_cards():
    draw = np.random.default_rng(5)
    table = log(draw.uniform(0, 183, 5_000), draw.integers(500, 1_500, 5_000), draw.integers(0, 60, 5_000))
    more, true = inject_bursts(table, seed=2, cards=20)
    found = pd.DataFrame(find_periods(more))
    assert len(matches(found, true)) >= 18
    assert len(found) <= 22


@pytest.fixture(scope="module")
def busy() -> pd.DataFrame:
    """The extract with bursts: many warnings, of each signal."""
    return inject_bursts(transactions.from_simulator(read_payments(EXTRACT)), seed=1, cards=60)[0]


def test_the_figures_add_up(busy):
    warnings = find_periods(busy)
    rows = busy.set_index("payment_id")
    assert {warning.signal for warning in warnings} >= {"amount", "count"}
    for warning in warnings:
        mine = rows.loc[list(warning.payment_ids)]
        assert len(mine) == warning.payments <= warning.among
        assert mine["cents"].sum() == warning.cents
        assert set(mine["customer"]) == {warning.customer}
        assert (mine["at"].min(), mine["at"].max()) == (warning.first, warning.last)
        during = busy[(busy["customer"] == warning.customer) & busy["at"].between(warning.first, warning.last)]
        assert len(during) == warning.among


def test_no_period_is_longer_than_a_month_nor_the_strongest_last(busy):
    warnings = find_periods(busy)
    assert max(warning.last - warning.first for warning in warnings) <= pd.Timedelta(days=31)
    scores = [warning.score for warning in warnings]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= Habits().enough - 1e-5


def test_each_card_is_compared_with_itself_alone(busy):
    some = busy[busy["customer"].astype(int) < 40]
    want = [fact for fact in facts(find_periods(busy)) if fact[0] < 40]
    assert facts(find_periods(some)) == want


def test_shuffled_rows_and_duplicates_change_nothing(busy):
    shuffled = busy.sample(frac=1, random_state=1)
    doubled = pd.concat([busy, busy.sample(frac=0.3, random_state=2)]).sort_values("at", kind="stable")
    want = facts(find_periods(busy))
    assert facts(find_periods(shuffled)) == want
    assert facts(find_periods(doubled)) == want


@given(st.permutations(range(24)))
@settings(max_examples=30)
def test_the_order_of_equal_times_is_irrelevant(order):
    days = np.concatenate([np.arange(100.0), np.repeat([50.0, 51.0], 12)])
    cents = np.concatenate([np.full(100, 500), np.tile([500, 500, 9_000], 8)])
    rows = np.concatenate([np.arange(100), 100 + np.array(order)])
    want = facts(find_periods(log(days, cents)))
    assert facts(find_periods(log(days[rows], cents[rows], ids=rows))) == want


@pytest.mark.parametrize("factor", [3, 100, 1_000_000])
def test_the_currency_is_irrelevant(busy, factor):
    want = facts(find_periods(busy))
    scaled = find_periods(busy.assign(cents=busy["cents"] * factor))
    assert facts(replace(warning, cents=warning.cents // factor) for warning in scaled) == want


def test_refunds_are_not_payments():
    table = one_card(high=[100, 103, 105, 110])
    refunds = log(np.arange(40, 60, 0.05), np.full(400, -90_000), ids=np.arange(1_000, 1_400))
    assert facts(find_periods(pd.concat([table, refunds]).assign(customer=pd.Categorical(["a"] * 700)))) == facts(
        find_periods(table)
    )


def test_zeros_do_not_make_ordinary_amounts_high():
    cents = np.tile([0, 1_000], 150)
    assert find_periods(log(np.arange(300) / 2, cents)) == []


def test_millions_once_are_no_series_and_hide_none():
    assert find_periods(one_card(high=[150], value=500_000_000)) == []
    table = one_card(high=[100, 103, 105, 110])
    table.loc[250, "cents"] = 10**15
    (warning,) = find_periods(table)
    assert warning.payment_ids == (100, 103, 105, 110)


@pytest.mark.parametrize(
    "table",
    [
        log([], []),
        log([3], [10**9]),
        log([3, 4, 5], [100, 10**9, 10**9]),
        log([3] * 200, [100] * 150 + [10**6] * 50),  # all at one time
        log(np.arange(300) / 100, [100] * 250 + [9_000] * 50),  # the log is a burst
        log(np.arange(200), np.full(200, 999)),  # constant amounts
        log(np.arange(200), np.full(200, -999)),  # refunds alone
        log(np.arange(200), np.zeros(200)),
        log([*range(30), *range(200, 230), *range(400, 430)], [100] * 90),  # months of pause
        log(np.arange(300) / 2, np.tile([100, 100, 900], 100)),  # every third is high: that is this card's habit
        log(np.arange(300) / 2, [100] * 151 + [900] * 149),  # it never ends: a new habit
        log(np.repeat(np.arange(30) * 7.0, 12) + np.tile(np.arange(12) / 12, 30), [100] * 360),  # a trip each week
    ],
)
def test_what_is_not_strange(table):
    warnings = find_periods(table)
    whole = table["at"].max() - table["at"].min()
    assert all(warning.last - warning.first <= whole / 3 for warning in warnings)
    assert len(warnings) <= 1


def test_a_long_series_is_split():
    warnings = find_periods(one_card(high=range(100, 260, 3), payments=800))
    assert len(warnings) >= 2
    assert all(warning.last - warning.first <= pd.Timedelta(days=31) for warning in warnings)
    assert sum(warning.payments for warning in warnings) == len({i for w in warnings for i in w.payment_ids}) > 50


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from([-500, 0, 1, 100, 100, 100, 900, 10**8]), st.sampled_from("abc")),
        max_size=120,
    )
)
@settings(max_examples=60)
def test_any_log_gives_periods_that_add_up(rows):
    days, cents, customers = ([row[column] for row in rows] for column in range(3))
    table = log(days, cents, customers)
    for warning in find_periods(table):
        mine = table[table["payment_id"].isin(warning.payment_ids)]
        assert mine["cents"].sum() == warning.cents
        all_days = table["at"][table["customer"] == warning.customer]
        assert (warning.last - warning.first) <= (all_days.max() - all_days.min()) / 3
