"""One event at a time gives the same numbers as all at once, bit by bit, from a state that stays small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workshop.domain.fraud import features as of
from workshop.domain.fraud import protocol, transactions
from workshop.domain.fraud.stream import FeatureStream, milliseconds
from workshop.domain.fraud.windows import DAY
from workshop.notebook import story

STEPS = st.sampled_from([0, 0, 1, 1000, DAY // 2, DAY - 1, DAY, 2 * DAY, 7 * DAY, 9 * DAY, 30 * DAY, 200 * DAY])
CENTS = st.sampled_from([0, 1, 499, 500, 1000, 1200, 2000, 9000, -500, 600_000_001, of.LARGEST, -of.LARGEST])
ROWS = st.tuples(STEPS, st.integers(0, 2), st.sampled_from([None, "a", "a", "b"]), CENTS)
DELAYS = st.sampled_from([-DAY, 0, 1, DAY, 7 * DAY, 7 * DAY + 1, 8 * DAY, 20 * DAY, 36 * DAY, 60 * DAY])


def streamed(table: pd.DataFrame, reports: pd.Series) -> np.ndarray:
    """Features as a service would compute them: events in order of time, a report before the payments of its time."""
    stream, found = FeatureStream(), []
    at = dict(zip(table["payment_id"], of.milliseconds(table["at"]).tolist(), strict=True))
    where = dict(zip(table["payment_id"], table["terminal"], strict=True))
    waiting = sorted(zip(of.milliseconds(reports).tolist(), reports.index, strict=True), reverse=True)
    for customer, terminal, name, cents in zip(
        *(table[c] for c in ("customer", "terminal", "payment_id", "cents")), strict=True
    ):
        while waiting and waiting[-1][0] <= at[name]:
            known, reported = waiting.pop()
            place = None if pd.isna(where[reported]) else where[reported]
            stream.report(reported, place, at[reported], known)
            stream.report(reported, place, at[reported], known)  # delivered at least once
        found.append(stream.payment(customer, None if pd.isna(terminal) else terminal, at[name], cents))
    return np.array(found)


@settings(max_examples=80)
@given(rows=st.lists(ROWS, min_size=1, max_size=60), delays=st.dictionaries(st.integers(0, 59), DELAYS))
def test_one_at_a_time_gives_the_same_numbers_as_all_at_once(rows: list[tuple], delays: dict[int, int]):
    steps, customers, terminals, cents = zip(*rows, strict=True)
    at = 1_522_540_800_000 + np.cumsum(steps)
    table = transactions.table(
        list(customers), list(terminals), at.astype("datetime64[ms]"), list(cents), range(len(rows))
    )
    times = {row: at[row] + delay for row, delay in delays.items() if row < len(rows)}
    reports = pd.Series(np.array(list(times.values()), dtype="int64").astype("datetime64[ms]"), index=list(times))
    assert (streamed(table, reports) == of.features(table, reports).to_numpy()).all()


def test_the_storys_payments_give_the_same_numbers_both_ways():
    rows = story.payments()
    rows = rows[rows["CUSTOMER_ID"] < 30]  # half a year: every window fills and empties
    table = transactions.from_simulator(rows)
    reports = protocol.after_delay(table, rows["TX_FRAUD"].to_numpy())
    expected = of.features(table, reports)
    assert expected["terminal_risk_7d"].any()
    assert (streamed(table, reports) == expected.to_numpy()).all()


def test_the_state_is_what_the_longest_windows_hold():
    stream, sizes = FeatureStream(), []
    for day in range(400):
        stream.payment("card", "terminal", day * DAY, 1000)
        stream.report(day, "terminal", day * DAY, day * DAY)
        sizes.append(stream.held())
    assert (
        sizes[100] == sizes[399] < 450
    )  # entries: 30 of the card, 37 of the terminal, 7 changes for each of 37 frauds


def test_a_payment_from_the_past_or_beyond_all_money_is_refused_and_leaves_no_trace():
    stream, untouched = FeatureStream(), FeatureStream()
    for one in (stream, untouched):
        one.payment("card", "terminal", 5 * DAY, 1000)
    with pytest.raises(ValueError, match="order of time"):
        stream.payment("card", "terminal", 4 * DAY, 1000)
    with pytest.raises(ValueError, match="limit"):
        stream.payment("card", "terminal", 6 * DAY, of.LARGEST + 1)
    assert stream.payment("card", "terminal", 5 * DAY, 700) == untouched.payment("card", "terminal", 5 * DAY, 700)


def test_a_report_fed_ahead_of_its_time_waits_for_it():
    stream = FeatureStream()
    stream.report("p", "terminal", paid_at=0, at=3 * DAY)
    assert stream.payment("card", "terminal", 2 * DAY, 100).terminal_reports_30d == 0
    assert stream.payment("card", "terminal", 3 * DAY, 100).terminal_reports_30d == 1


def test_a_report_that_will_come_too_late_for_a_window_never_counts_in_it():
    stream = FeatureStream()
    stream.payment("card", "terminal", 0, 100)
    stream.report("p", "terminal", paid_at=0, at=9 * DAY)
    seen = [stream.payment("card", "terminal", day * DAY, 100) for day in (7, 8, 9)]
    assert [one.terminal_risk_1d for one in seen] == [0, 0, 0]
    assert [one.terminal_risk_7d for one in seen] == [0, 0, 1]


def test_times_of_any_zone_become_milliseconds_since_1970():
    assert milliseconds(datetime(1970, 1, 2)) == DAY
    assert milliseconds(datetime(1970, 1, 2, 0, 0, 0, 5999, tzinfo=UTC)) == DAY + 5
    assert milliseconds(datetime(1970, 1, 2, 2, tzinfo=timezone(timedelta(hours=2)))) == DAY
    payment = next(story.events(story.payments().head(1)))
    assert milliseconds(payment.at) == payment.timestamp_ms()
