"""Checks of lesson 05."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from workshop.domain.fraud.features import NAMES
from workshop.domain.fraud.period_truth import inject_bursts, score
from workshop.notebook.exercises import exercise, expect, unanswered

CHECKED = 5  # cards per day that the investigators can check
WEEKS = (datetime(2018, 7, 1), datetime(2018, 9, 24))
BURSTS = 20
ENOUGH = 12  # bursts that must be found
ALARMS = 6  # false alarms that are accepted
LONGEST = 31  # days


@exercise("05.1", "five cards a day")
def investigators(rank: Any, seen: pd.DataFrame, table: pd.DataFrame, fraud: np.ndarray) -> str:
    """Check the five highest-ranked cards of each day: how many of them had a fraud that day?"""
    unanswered(rank is None, observed="`rank` is None", expected="a function of the features")
    expect(
        callable(rank), observed=f"`rank` is a {type(rank).__name__}", expected="a function: rank(seen) -> a score each"
    )
    scores = _scores(rank, seen)
    _expect_a_score_of_its_own(rank, seen, scores)
    found, days = _hits(table, fraud, scores)
    either = max(_hits(table, fraud, seen[name].to_numpy())[0] for name in ("amount", "terminal_risk_7d"))
    expect(
        found > either,
        observed=f"of {CHECKED * days} cards that were checked in {days} days, {found} had a fraud",
        expected=f"more than {either}: what one signal finds alone, the amount or the terminal",
        hint="a strange amount *or* a bad terminal: bring both to a common scale, and take the larger one, or their sum",
    )
    return f"of {CHECKED * days} cards that were checked in {days} days, {found} had a fraud; one signal alone finds {either}"


def _scores(rank: Callable, seen: pd.DataFrame) -> np.ndarray:
    scores = np.asarray(rank(seen[list(NAMES)].copy()), dtype=float)
    expect(
        scores.shape == (len(seen),) and np.isfinite(scores).all(),
        observed=f"`rank` returned {scores.shape} for {len(seen):,} payments",
        expected="one finite number for each payment",
    )
    return scores


def _expect_a_score_of_its_own(rank: Callable, seen: pd.DataFrame, scores: np.ndarray) -> None:
    half = len(seen) // 2
    again = _scores(rank, seen.iloc[:half])
    expect(
        np.allclose(again, scores[:half]),
        observed="the score of a payment changes when later payments are hidden",
        expected="a score that can be computed while the payment is made",
        hint="look at this payment's features only, not at the column's mean or rank",
    )


def _hits(table: pd.DataFrame, fraud: np.ndarray, scores: np.ndarray) -> tuple[int, int]:
    """Return the number of checked cards with a fraud on that day, and the number of days."""
    at = table["at"]
    rows = ((at >= WEEKS[0]) & (at < WEEKS[1])).to_numpy()
    days = at[rows].dt.date
    frame = pd.DataFrame({"day": days, "card": table["customer"][rows], "score": scores[rows], "fraud": fraud[rows]})
    best = frame.groupby(["day", "card"], observed=True).max().reset_index()
    checked = best.sort_values(["day", "score"], ascending=[True, False], kind="stable").groupby("day").head(CHECKED)
    return int(checked["fraud"].sum()), checked["day"].nunique()


@exercise("05.2", "bursts")
def bursts(find: Any, table: pd.DataFrame) -> str:
    """Inject bursts of extra payments into twenty cards, and call the function for each card."""
    unanswered(find is None, observed="`find_burst` is None", expected="a function of one card's payments")
    expect(callable(find), observed=f"`find_burst` is a {type(find).__name__}", expected="a function")
    calm = _calm(table)
    log, true = inject_bursts(calm, seed=5, cards=BURSTS)
    found = _found(find, log)
    longest = (found["last"] - found["first"]).dt.days.max() if len(found) else 0
    expect(
        longest <= LONGEST,
        observed=f"a period of {longest} days: that is the card's life, not a period",
        expected=f"at most {LONGEST} days",
        hint="a burst lasts three days: count the payments in each window of three days",
    )
    result = score(found, true)
    expect(
        result.matched >= ENOUGH,
        observed=f"{result.matched} of {result.true} bursts were found, with {result.found} warnings",
        expected=f"at least {ENOUGH}",
        hint="the amounts are ordinary; what is not, is how many payments there are in three days",
    )
    expect(
        result.found - result.matched <= ALARMS,
        observed=f"{result.matched} bursts were found, and {result.found - result.matched} false alarms raised",
        expected=f"at most {ALARMS} false alarms on {log['customer'].nunique()} cards",
        hint="how many payments does *this* card make in three days, usually?",
    )
    return f"{result.matched} of {result.true} bursts were found, with {result.found - result.matched} false alarms"


def _calm(table: pd.DataFrame) -> pd.DataFrame:
    """Return cards with up to two payments per day, where a burst differs from a busy weekend."""
    count = table.groupby("customer", observed=True).size()
    cards = count[(count >= 60) & (count <= 250)].index
    rows = table[table["customer"].isin(cards)].reset_index(drop=True)
    return rows.assign(customer=rows["customer"].cat.remove_unused_categories())


def _found(find: Callable, log: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for card, mine in log.groupby("customer", observed=True):
        answer = find(mine.reset_index(drop=True))
        if answer is None:
            continue
        expect(
            isinstance(answer, tuple | list) and len(answer) == 2,
            observed=f"`find_burst` returned {answer!r}",
            expected="None, or two times: first and last",
        )
        rows.append((card, *[pd.Timestamp(time).to_datetime64() for time in answer]))
    frame = pd.DataFrame(rows, columns=["customer", "first", "last"])
    return frame.astype({"first": "datetime64[ms]", "last": "datetime64[ms]"})
