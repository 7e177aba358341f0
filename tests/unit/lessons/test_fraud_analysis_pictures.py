"""The pictures of lesson 05: their texts state what was seen."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
from workshop.domain.fraud.periods import PeriodWarning
from workshop.lessons.fraud_analysis import pictures
from workshop.lessons.fraud_analysis.observations import Moment, Moments


def test_the_debits_and_the_flagged_amounts_are_told():
    payments = {
        "a": Moment(0.0, 1_250, debited=0.0124),
        "b": Moment(0.5, 29_900, debited=0.02, flagged=0.031),
        "c": Moment(1.0, 5),
    }
    assert pictures.draw_moments(Moments(payments=payments)).alt == (
        "2 of 3 payments were debited, 12 to 20 ms after the payment. 1 was flagged: 299.00 €."
    )


def test_one_payment_is_told_in_the_singular():
    one = Moments(payments={"a": Moment(0.0, 1_250, debited=0.01)})
    assert pictures.draw_moments(one).alt == (
        "1 of 1 payment was debited, 10 to 10 ms after the payment. 0 were flagged."
    )


def test_no_payment_is_drawn_before_the_first():
    assert pictures.draw_moments(Moments()).alt == "No payment was made yet."


def test_the_share_of_frauds_is_told_and_drawn_in_whole_squares():
    fraud = np.zeros(10_000, dtype=bool)
    fraud[:82] = True
    drawn = pictures.draw_base_rate(fraud)
    assert drawn.alt == (
        "82 of 10,000 payments are frauds: 0.82%. A detector that flags nothing is right for 99.18% of the payments."
    )
    assert drawn.figure.axes[0].get_title(loc="left") == "8 of 1,000 payments are frauds"


def test_a_score_that_is_always_right_has_the_area_one():
    fraud = np.array([True, False, False, True, False])
    scores = {"right": fraud * 1.0, "useless": np.ones(5)}
    rules = {"one": np.array([True, False, False, False, False]), "nothing": np.zeros(5, dtype=bool)}
    drawn = pictures.draw_curves(fraud, scores, rules)
    assert drawn.alt.endswith("The area under the curve is 1.00 for right and 0.40 for useless.")


def test_published_figures_stand_beside_ours():
    index = pd.MultiIndex.from_tuples([("published", "forest"), ("here", "forest"), ("here", "rules")])
    table = pd.DataFrame({"average precision": [0.68, 0.6712, 0.5]}, index=index)
    assert pictures.draw_published(table).alt == (
        "1 of our models has a published figure; the largest difference in average precision is 0.009. "
        "The best one here is forest with 0.671."
    )


def test_a_warning_is_told_in_english_whatever_the_language_of_its_title():
    at = [datetime(2018, 4, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
    table = pd.DataFrame(
        {"customer": ["a", "a", "b", "a"], "payment_id": [1, 2, 3, 4], "at": at, "cents": [100, 90_000, 1, 95_000]}
    )
    warning = PeriodWarning("a", at[1], at[3], 2, 2, 185_000, (2, 4), "amount", 9.0)
    drawn = pictures.draw_warning(table, warning)
    assert drawn.alt.startswith(
        "a. Careful: you made a strange series of transactions between 2 and 4 April 2018: 2 payments"
    )
    assert "paiements" in drawn.figure.axes[0].get_title(loc="left")


def test_a_long_sentence_is_wrapped_between_words():
    lines = pictures._wrapped("word " * 50, width=20).splitlines()
    assert all(len(line) <= 20 for line in lines)
    assert " ".join(lines).split() == ["word"] * 50
