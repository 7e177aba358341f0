"""The published split and figures, on cases counted by hand and on the simulated set; the model repeats for a seed."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import payments_simulator
import pytest
from workshop.domain.fraud import features as of
from workshop.domain.fraud import model, protocol, transactions
from workshop.notebook import story


def log(rows: list[tuple]) -> tuple[pd.DataFrame, np.ndarray]:
    """A table and labels of (day of January, card, fraud)."""
    days, cards, frauds = zip(*rows, strict=True)
    at = np.array([f"2020-01-{day:02d}T12:00" for day in days], dtype="datetime64[ms]")
    table = transactions.table(list(cards), None, at, np.full(len(rows), 100), range(len(rows)))
    return table, np.array(frauds)


def test_a_split_leaves_out_the_cards_that_are_known_by_each_test_day():
    rows = [
        (1, "a", 0), (2, "b", 1), (3, "c", 0), (4, "d", 1), (5, "e", 0),  # 2 training days (2-3), a delay of 2 (4-5)
        (6, "a", 1), (6, "b", 0), (6, "d", 0),  # tested: b was found in training; d's fraud of day 4 is known from day 7 on
        (7, "a", 0), (7, "d", 0), (7, "e", 1),
        (8, "a", 0),  # a's fraud of day 6 is known from day 9 on
        (9, "a", 0), (9, "e", 0), (10, "c", 0),
    ]  # fmt: skip
    table, fraud = log(rows)
    found = protocol.split(table, fraud, date(2020, 1, 2), train_days=2, delay_days=2, test_days=4)
    assert [rows[row][:2] for row in found.train] == [(2, "b"), (3, "c")]
    tested = [rows[row][:2] for row in found.test]
    assert tested == [(6, "a"), (6, "d"), (7, "a"), (7, "e"), (8, "a"), (9, "e")]


def test_a_split_without_payments_is_refused():
    table, fraud = log([(1, "a", 0)])
    with pytest.raises(ValueError, match="No payments"):
        protocol.split(table, fraud, date(2020, 1, 1))


def test_card_precision_counts_cards_by_day_and_blocks_those_that_were_found():
    day = np.array([1, 1, 1, 1, 2, 2, 2, 2])
    card = np.array([1, 1, 2, 3, 1, 2, 3, 4])
    fraud = np.array([0, 1, 0, 1, 1, 1, 0, 0])
    score = np.array([0.9, 0.1, 0.8, 0.7, 1.0, 0.5, 0.6, 0.4])
    # Day 1: cards 1 and 2 are checked (.9, .8), 1 is found. Day 2: without 1, cards 3 and 2 are checked, 2 is found.
    assert protocol.card_precision(day, card, fraud, score, checks=2) == (1 / 2 + 1 / 2) / 2
    # One check: 1 is found; then 3, in vain.
    assert protocol.card_precision(day, card, fraud, score, checks=1) == 1 / 2


def test_fewer_cards_than_checks_still_divide_by_the_checks():
    one = np.array([1])
    assert protocol.card_precision(one, one, one, one, checks=100) == 0.01


def test_equal_scores_go_by_the_cards_number():
    zeros = np.zeros(3)
    assert protocol.card_precision(zeros, np.array([2, 1, 3]), np.array([0, 1, 0]), zeros, checks=1) == 1


def test_perfect_and_worst_scores():
    table, fraud = log([(1, "a", 0), (1, "b", 1), (2, "c", 0), (2, "d", 1)])
    everything = np.arange(4)
    assert protocol.figures(table, fraud, everything, fraud.astype(float)) == protocol.Figures(1.0, 1.0, 0.01)
    worst = protocol.figures(table, fraud, everything, -fraud.astype(float))
    assert (worst.auc, worst.average_precision) == (0.0, 0.5)  # both frauds come last, with one score: 2 of 4


def test_frauds_become_known_after_the_delay():
    table, fraud = log([(1, "a", 0), (1, "b", 1)])
    assert protocol.after_delay(table, fraud).to_dict() == {1: pd.Timestamp("2020-01-08T12:00")}


@pytest.fixture(scope="module")
def published() -> tuple[pd.DataFrame, np.ndarray]:
    """The published set as a table, and its labels."""
    payments = payments_simulator.simulate()
    return transactions.from_simulator(payments), payments["TX_FRAUD"].to_numpy()


def test_the_published_split_and_figures_come_out(published: tuple[pd.DataFrame, np.ndarray]):
    table, fraud = published
    rows = protocol.split(table, fraud)
    counts = [(len(part), fraud[part].sum()) for part in (rows.train, rows.test)]
    assert counts == [(67_240, 598), (58_264, 385)]
    perfect = protocol.figures(table, fraud, rows.test, fraud[rows.test])
    assert perfect.card_precision == pytest.approx(0.397, abs=0.0005)
    seen = of.features(table, protocol.after_delay(table, fraud))[list(of.PUBLISHED)]
    for name, expected in {
        "logistic regression": (0.871, 0.606, 0.291),
        "tree, depth 2": (0.763, 0.496, 0.241),
    }.items():
        fitted = protocol.baselines()[name].fit(seen.iloc[rows.train], fraud[rows.train])
        found = protocol.figures(table, fraud, rows.test, fitted.predict_proba(seen.iloc[rows.test])[:, 1])
        assert (found.auc, found.average_precision) == pytest.approx(expected[:2], abs=0.0015)
        assert found.card_precision == pytest.approx(expected[2], abs=0.003)  # equal scores: the order is ours


@pytest.fixture(scope="module")
def extract() -> tuple[pd.DataFrame, np.ndarray]:
    """The story's 250 cards: features and labels of the published training week."""
    payments = story.payments()
    table, fraud = transactions.from_simulator(payments), payments["TX_FRAUD"].to_numpy()
    rows = protocol.split(table, fraud).train
    return of.features(table, protocol.after_delay(table, fraud)).iloc[rows], fraud[rows]


def test_the_model_repeats_for_a_seed_and_finds_frauds(extract: tuple[pd.DataFrame, np.ndarray]):
    seen, fraud = extract
    one, again, other = (model.score(model.train(seen, fraud, seed), seen) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()
    assert one.shape == fraud.shape
    assert ((one >= 0) & (one <= 1)).all()
    assert one[fraud == 1].mean() > 10 * one[fraud == 0].mean()
