"""A log of payments, card by card."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from workshop.domain.fraud.card_log import DAY, CardLog

ROWS = [  # customer, day, cents, payment_id
    ("b", 3, 500, "p1"),
    ("a", 5, 100, "p2"),
    ("a", 1, 300, "p3"),
    ("a", 1, 200, "p4"),
    ("a", 2, -100, "refund"),
    (None, 2, 100, "unknown"),
    ("a", 9, 100, "p2"),  # once more
    ("b", 4, 0, "verification"),
]


@pytest.fixture
def log() -> CardLog:
    table = pd.DataFrame(ROWS, columns=["customer", "day", "cents", "payment_id"])
    table["at"] = (table["day"] * DAY).to_numpy().astype("datetime64[ms]")
    table["customer"] = pd.Categorical(table["customer"])
    return CardLog(table)


def test_payments_stand_card_by_card_in_order_of_time_then_amount(log: CardLog):
    assert log.ids.tolist() == ["p4", "p3", "p2", "p1", "verification"]
    assert log.starts.tolist() == [0, 3, 5]
    assert log.sizes.tolist() == [3, 2]
    assert [log.customers[code] for code in log.cards] == ["a", "b"]


def test_the_median_leaves_verifications_out(log: CardLog):
    assert log.medians().tolist() == [200.0, 500.0]


def test_a_card_with_verifications_only_has_no_median():
    table = pd.DataFrame({"customer": pd.Categorical(["a", "b", "b"]), "cents": [0, 100, 300], "payment_id": [1, 2, 3]})
    table["at"] = np.zeros(3, "datetime64[ms]")
    found = CardLog(table).medians()
    assert np.isnan(found[0])
    assert found[1] == 200.0


def test_days_and_payments_between_two_rows(log: CardLog):
    rows = np.array([0, 2])
    assert log.days(rows) == 4.0
    assert log.among(rows) == 3
    assert log.among(np.array([1])) == 2  # of equal time
