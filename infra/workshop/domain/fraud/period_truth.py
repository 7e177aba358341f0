"""Evaluation of a period detector: true periods, injected bursts, and the score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workshop.domain.fraud import transactions

DAY = np.timedelta64(1, "D")
ENOUGH = 0.3  # intersection over union, in days, from which a period counts as found


@dataclass(frozen=True)
class Compromises:
    """The customers that the simulator compromises; they are drawn on each day except the last."""

    customers: int = 5_000
    days: int = 183
    a_day: int = 3
    lasting: int = 14  # days
    seed: int = 0

    def windows(self) -> dict[int, list[tuple[int, int]]]:
        """Return each compromised customer's windows [first day, last day + 1), overlapping ones merged."""
        windows: dict[int, list[tuple[int, int]]] = {}
        for day in range(self.days - 1):
            draw = np.random.RandomState(self.seed + day)  # like pandas' sample with this random_state
            for customer in draw.choice(self.customers, self.a_day, replace=False).tolist():
                mine = windows.setdefault(customer, [])
                first = mine.pop()[0] if mine and day < mine[-1][1] else day
                mine.append((first, day + self.lasting))
        return windows


def truth(payments: pd.DataFrame, compromises: Compromises | None = None) -> pd.DataFrame:
    """Return the simulator's true periods: columns customer, first, last.

    `first` and `last` are the times of the first and last scenario-3 payment. There is one row per window with such a
    payment: 507 for the published data.
    """
    frauds = payments[payments["TX_FRAUD_SCENARIO"] == 3]
    windows = (compromises or Compromises()).windows()
    rows = []
    for customer, mine in frauds.groupby("CUSTOMER_ID", sort=True):
        for first, end in windows.get(customer, []):
            times = mine["TX_DATETIME"][mine["TX_TIME_DAYS"].between(first, end - 1)]
            if len(times):
                rows.append((customer, times.min(), times.max()))
    return pd.DataFrame(rows, columns=["customer", "first", "last"])


@dataclass(frozen=True)
class Score:
    """The number of matched periods, of found periods and of true periods."""

    matched: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        """The share of the warnings that are right; 1 without warnings."""
        return self.matched / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of the true periods that were found; 1 without true periods."""
        return self.matched / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.matched / (self.found + self.true) if self.found + self.true else 1.0


def score(found: pd.DataFrame, true: pd.DataFrame, enough: float = ENOUGH) -> Score:
    """Match as many periods as possible one to one, and return the score.

    Two periods match if their shared days are at least `enough` of their combined days. Both tables have columns customer,
    first, last. The measure is days, not payments: a warning over the whole log does not match a short period inside it.
    """
    return Score(len(matches(found, true, enough)), len(found), len(true))


def matches(found: pd.DataFrame, true: pd.DataFrame, enough: float = ENOUGH) -> list[tuple[int, int]]:
    """Return the matched pairs (row of found, row of true), ascending."""
    mine = found.reset_index(drop=True).groupby("customer", observed=True).indices
    pairs: list[tuple[int, int]] = []
    for customer, rows in true.reset_index(drop=True).groupby("customer", observed=True).indices.items():
        others = mine.get(customer, np.array([], dtype=int))
        same = _overlap(found.iloc[others], true.iloc[rows]) >= enough
        pairs += [(int(others[i]), int(rows[j])) for i, j in _one_to_one(same)]
    return sorted(pairs)


def _days(times: pd.Series) -> np.ndarray:
    return times.to_numpy().astype("datetime64[D]").astype(np.int64)


def _overlap(found: pd.DataFrame, true: pd.DataFrame) -> np.ndarray:
    """Return shared days divided by combined days, shape (found, true); a period includes its last day."""
    a, b = _days(found["first"])[:, None], _days(found["last"])[:, None] + 1
    c, d = _days(true["first"])[None], _days(true["last"])[None] + 1
    shared = np.maximum(np.minimum(b, d) - np.maximum(a, c), 0)
    return shared / (b - a + d - c - shared)


def _one_to_one(same: np.ndarray) -> Iterator[tuple[int, int]]:
    """Return the most pairs of a row and a column, each row and column at most once (augmenting paths)."""
    owner: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column in np.flatnonzero(same[row]).tolist():
            if column not in seen:
                seen.add(column)
                if column not in owner or place(owner[column], seen):
                    owner[column] = row
                    return True
        return False

    for row in range(len(same)):
        place(row, set())
    return ((row, column) for column, row in owner.items())


def inject_bursts(
    table: pd.DataFrame, seed: int, cards: int = 250, extra: tuple[int, int] = (12, 24), days: int = 3
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a copy of a log with bursts of payments, and the true periods (customer, first, last).

    Each of `cards` cards (fewer if fewer have a long enough history) makes extra[0] to extra[1] additional payments, at
    random times within `days` days of its history, each with the amount and the terminal of one of the card's payments.
    """
    draw = np.random.default_rng(seed)
    rows = table[table["cents"] > 0].groupby("customer", observed=True, sort=True).indices
    paid = table[table["cents"] > 0].reset_index(drop=True)
    at = paid["at"].to_numpy()
    able = [name for name, mine in rows.items() if at[mine[-1]] - at[mine[0]] > days * DAY]
    chosen = draw.choice(len(able), min(cards, len(able)), replace=False)
    bursts = [_burst(draw, paid, rows[able[card]], extra, days) for card in sorted(chosen.tolist())]
    return _with(table, bursts), pd.DataFrame(
        [_period(burst) for burst in bursts], columns=["customer", "first", "last"]
    )


def _burst(draw: np.random.Generator, paid: pd.DataFrame, mine: np.ndarray, extra: tuple, days: int) -> pd.DataFrame:
    """Return one card's additional payments, by time."""
    count = int(draw.integers(extra[0], extra[1], endpoint=True))
    first, last = paid["at"].to_numpy()[mine[[0, -1]]].astype("datetime64[ms]").astype(np.int64)
    length = days * 86_400_000
    start = int(draw.integers(first, last - length, endpoint=True))
    times = start + np.sort(draw.integers(0, length, count))
    return paid.iloc[draw.choice(mine, count)].assign(at=times.astype("datetime64[ms]"))


def _period(burst: pd.DataFrame) -> tuple:
    return burst["customer"].iloc[0], burst["at"].iloc[0], burst["at"].iloc[-1]


def _with(table: pd.DataFrame, bursts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the log with the bursts, whose payments get new ids."""
    if not bursts:
        return table.copy()
    extra = pd.concat(bursts)
    extra = extra.assign(payment_id=[f"extra-{number}" for number in range(len(extra))])
    columns = (pd.concat([table[name], extra[name]]).to_numpy() for name in transactions.COLUMNS)
    return transactions.table(*columns)
