"""Windows are what a loop over the rows would count; features know nothing of what comes after a payment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workshop.domain.fraud import features as of
from workshop.domain.fraud import transactions
from workshop.domain.fraud.windows import DAY, SlidingWindows

FEW_RUNS = settings(max_examples=40)
START = 1_522_540_800_000  # 2018-04-01, in milliseconds; a Sunday
STEPS = st.sampled_from([0, 0, 1, 1000, DAY // 2, DAY - 1, DAY, 3 * DAY, 7 * DAY, 9 * DAY, 30 * DAY, 200 * DAY])
CENTS = st.sampled_from([0, 1, 500, 500, 1000, 1200, 2000, 9000, -500, -1, 600_000_000, of.LARGEST, -of.LARGEST])
ROWS = st.tuples(STEPS, st.integers(0, 2), st.sampled_from([None, "a", "a", "b"]), CENTS)
REPORTS = st.dictionaries(st.integers(0, 39), st.sampled_from([-DAY, 0, 1, DAY, 7 * DAY, 8 * DAY, 20 * DAY, 36 * DAY]))


def log_of(rows: list[tuple]) -> pd.DataFrame:
    """The canonical table of (milliseconds after the row before, customer, terminal, cents)."""
    steps, customers, terminals, cents = zip(*rows, strict=True)
    at = (START + np.cumsum(steps)).astype("datetime64[ms]")
    ids = [f"p{number}" for number in range(len(rows))]
    return transactions.table(list(customers), list(terminals), at, np.array(cents), ids)


def reports_of(table: pd.DataFrame, delays: dict[int, int]) -> pd.Series:
    """Times by payment_id: of the rows numbered, so many milliseconds after the payment."""
    rows = [row for row in sorted(delays) if row < len(table)]
    at = table["at"].to_numpy().astype(np.int64)
    times = np.array([at[row] + delays[row] for row in rows], dtype=np.int64).astype("datetime64[ms]")
    return pd.Series(times, index=[f"p{row}" for row in rows])


# --- windows ----------------------------------------------------------------------------------------------------------


@FEW_RUNS
@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(-9, 9)), min_size=1, max_size=40),
    width=st.integers(1, 12),
    delay=st.integers(0, 12),
)
def test_windows_are_what_a_loop_counts(rows: list[tuple], width: int, delay: int):
    steps, groups, values = (np.array(column) for column in zip(*rows, strict=True))
    times = np.cumsum(steps)
    windows = SlidingWindows(groups, times, reach=24)
    for row, (group, now) in enumerate(zip(groups, times, strict=True)):
        inside = (times > now - delay - width) & (times <= now - delay) & (groups == group)
        inside &= np.arange(len(rows)) <= row
        assert windows.counts(width, delay)[row] == inside.sum()
        assert windows.sums(values, width, delay)[row] == values[inside].sum()
        assert windows.earlier(values)[row] == values[:row][groups[:row] == group].sum()


@FEW_RUNS
@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=20),
    spans=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 150), st.integers(-5, 90)), max_size=20),
)
def test_spans_under_way_are_what_a_loop_counts(rows: list[tuple], spans: list[tuple]):
    steps, groups = (np.array(column) for column in zip(*rows, strict=True))
    times = np.cumsum(steps)
    of_group, begins, lengths = np.array(spans, dtype=np.int64).reshape(-1, 3).T
    begins = begins + times[0]
    found = SlidingWindows(groups, times, reach=10).under_way(of_group, begins, begins + lengths)
    for row, (group, now) in enumerate(zip(groups, times, strict=True)):
        assert found[row] == ((of_group == group) & (begins <= now) & (now < begins + lengths)).sum()


def test_sums_of_pythons_integers_do_not_overflow():
    values = np.array([10**30, 10**30, 1], dtype=object)
    assert SlidingWindows(np.zeros(3, np.int64), np.arange(3), 10).earlier(values).tolist() == [0, 10**30, 2 * 10**30]


def test_rows_out_of_order_and_an_axis_too_long_are_refused():
    with pytest.raises(ValueError, match="sorted"):
        SlidingWindows(np.zeros(2, np.int64), np.array([2, 1]), 1)
    with pytest.raises(ValueError, match="64-bit"):
        SlidingWindows(np.array([0, 10**7]), np.array([0, 10**12]), 1)


# --- features ---------------------------------------------------------------------------------------------------------


def published(table: pd.DataFrame, fraud: np.ndarray) -> pd.DataFrame:
    """The published definitions, row by row; terminal risk from labels, as published."""
    at, euros = table["at"].to_numpy().astype(np.int64), table["cents"].to_numpy() / 100
    found = []
    for row, now in enumerate(at):
        when = table["at"].iloc[row]
        seen = [euros[row], when.day_of_week >= 5, when.hour <= 6]
        before = np.arange(len(table)) <= row
        for days in (1, 7, 30):
            mine = before & (table["customer"] == table["customer"].iloc[row]) & (at > now - days * DAY)
            seen += [mine.sum(), euros[mine].mean()]
        for days in (1, 7, 30):
            there = (table["terminal"] == table["terminal"].iloc[row]) & (at <= now - 7 * DAY)
            there &= at > now - (7 + days) * DAY
            seen += [there.sum(), fraud[there].mean() if there.any() else 0]
        found.append(seen)
    return pd.DataFrame(found, columns=of.PUBLISHED).astype(float)


@FEW_RUNS
@given(rows=st.lists(ROWS, min_size=1, max_size=25), frauds=st.sets(st.integers(0, 24)))
def test_reports_after_seven_days_give_the_published_features(rows: list[tuple], frauds: set[int]):
    table = log_of(rows)
    fraud = np.array([row in frauds for row in range(len(table))])
    found = of.features(table, reports_of(table, dict.fromkeys(frauds, 7 * DAY)))
    expected = published(table, fraud)
    largest = np.abs(table["cents"]).max() / 100  # a mean of large amounts of both signs cancels
    np.testing.assert_allclose(found[list(of.PUBLISHED)], expected, rtol=1e-12, atol=1e-12 + 1e-14 * largest)


@FEW_RUNS
@given(rows=st.lists(ROWS, min_size=1, max_size=40), delays=REPORTS)
def test_every_feature_is_finite_whatever_the_log(rows: list[tuple], delays: dict[int, int]):
    table = log_of(rows)
    found = of.features(table, reports_of(table, delays))
    assert tuple(found.columns) == of.NAMES
    assert np.isfinite(found.to_numpy()).all()
    risks = found[[name for name in of.NAMES if "risk" in name]].to_numpy()
    assert ((risks >= 0) & (risks <= 1)).all()
    nowhere = table["terminal"].isna().to_numpy()
    assert not found.loc[nowhere, [name for name in of.NAMES if name.startswith("terminal")]].to_numpy().any()


@FEW_RUNS
@given(
    rows=st.lists(ROWS, min_size=2, max_size=40),
    later=st.lists(ROWS, max_size=20),
    delays=REPORTS,
    later_delays=REPORTS,
    cut=st.integers(1, 39),
)
def test_nothing_that_comes_after_a_payment_changes_its_features(rows, later, delays, later_delays, cut):
    cut = min(cut, len(rows))
    one, other = log_of(rows), log_of(rows[:cut] + later)
    now = one["at"].iloc[cut - 1]
    known = reports_of(one.head(cut), delays)
    known = known[known <= now]
    rest_of_one = reports_of(one, {row: delay for row, delay in delays.items() if f"p{row}" not in known.index})
    rest_of_other = reports_of(
        other, {row: delay for row, delay in later_delays.items() if f"p{row}" not in known.index}
    )
    # Of the payments up to the cut, a report by then is the same in both worlds; of any others, it is any time at all.
    in_one = of.features(one, pd.concat([known, _after(rest_of_one, now, cut)]))
    in_other = of.features(other, pd.concat([known, _after(rest_of_other, now, cut)]))
    pd.testing.assert_frame_equal(in_one.head(cut), in_other.head(cut), check_exact=True)


def _after(reports: pd.Series, now: pd.Timestamp, cut: int) -> pd.Series:
    """Without reports by `now` of the first `cut` payments: those belong to what was known."""
    early = [name for name in reports.index if int(name[1:]) < cut and reports[name] <= now]
    return reports.drop(early)


@FEW_RUNS
@given(rows=st.lists(ROWS, min_size=1, max_size=30), delays=REPORTS, names=st.permutations(["x", "y", "z"]))
def test_other_names_for_cards_and_terminals_change_nothing(
    rows: list[tuple], delays: dict[int, int], names: list[str]
):
    swap = {None: None, "a": "b", "b": "a"}
    table = log_of(rows)
    renamed = log_of([(step, names[card], swap[terminal], cents) for step, card, terminal, cents in rows])
    reports = reports_of(table, delays)
    pd.testing.assert_frame_equal(of.features(table, reports), of.features(renamed, reports), check_exact=True)


def test_a_card_is_compared_with_its_own_earlier_purchases_only():
    rows = [(0, 0, None, 1000), (1, 0, None, -5000), (1, 1, None, 77), (1, 0, None, 3000), (1, 0, None, 2000)]
    found = of.features(log_of([*rows, (1, 0, None, 2000), (1, 0, None, 2000), (1, 0, None, 8000)]))
    assert found["card_purchases"].tolist() == [0, 1, 0, 1, 2, 3, 4, 5]
    assert found["amount_ratio"].tolist() == [1, -5, 1, 3, 1, 1, 1, 4]
    deviation = np.std([10, 30, 20, 20, 20])
    assert found["amount_z"].tolist() == [0] * 7 + [pytest.approx((80 - 20) / deviation)]


def test_a_card_that_always_pays_the_same_has_a_z_score_all_the_same():
    found = of.features(log_of([(DAY, 0, None, 2000)] * 6 + [(DAY, 0, None, 3000)]))
    assert found["amount_z"].tolist() == [0] * 6 + [5]


def test_outliers_of_the_card_are_remembered_for_7_and_14_days():
    rows = [(60_000, 0, None, 1000)] * 5 + [(0, 0, None, 9000), (0, 0, None, 1000), (7 * DAY, 0, None, 1000)]
    found = of.features(log_of([*rows, (7 * DAY, 0, None, 1000)]))
    assert found["card_outliers_7d"].tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert found["card_outliers_14d"].tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 0]


def test_an_early_report_counts_at_once_and_in_the_risk_when_its_payment_is_old_enough():
    table = log_of([(0, 0, "a", 100), (DAY, 1, "a", 100), (DAY, 2, "a", 100), (5 * DAY, 1, "a", 100)])
    found = of.features(table, reports_of(table, {0: 2 * DAY}))
    assert found["terminal_reports_30d"].tolist() == [0, 0, 1, 1]
    assert found["terminal_risk_7d"].tolist() == [0, 0, 0, 1]


def test_a_report_no_later_than_its_payment_does_not_tell_it_its_own_label():
    table = log_of([(0, 0, "a", 100), (0, 0, "a", 100), (1, 0, "a", 100)])
    assert of.features(table, reports_of(table, {0: -DAY}))["terminal_reports_30d"].tolist() == [0, 0, 1]


def test_of_several_reports_of_a_payment_the_earliest_counts_and_unknown_payments_are_ignored():
    table = log_of([(0, 0, "a", 100), (8 * DAY, 0, "a", 100)])
    times = pd.to_datetime(["2018-05-01", "2018-04-02", "2018-04-02"]).to_numpy()
    found = of.features(table, pd.Series(times, index=["p0", "p0", "nobody's"]))
    assert found["terminal_reports_30d"].tolist() == [0, 1]
    assert of.features(table)["terminal_reports_30d"].tolist() == [0, 0]


def test_an_amount_beyond_all_money_is_refused_and_an_empty_log_is_not():
    with pytest.raises(ValueError, match="limit"):
        of.features(log_of([(0, 0, None, of.LARGEST + 1)]))
    assert of.features(log_of([(0, 0, None, 1)]).head(0)).shape == (0, len(of.NAMES))
