"""What a model or a rule sees of each payment, for a whole log at once; `stream` computes the same one event at a time.

A payment's features depend only on the payment, on the rows before it in the log and on the frauds reported by its time.
Every sum is one of integers (cents, counts), and each feature ends in at most a few float operations, in one fixed order:
so both ways of computing give the same floats, bit by bit.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workshop.domain.fraud.feature_names import (
    CARD_DAYS,
    DAY,
    DELAY,
    FEW,
    HOUR,
    LARGEST,
    NAMES,
    OLD_DAYS,
    OLD_DELAY,
    OUTLIER,
    OUTLIER_DAYS,
    PUBLISHED,
    REPORT_DAYS,
    TERMINAL_DAYS,
    Features,
    check_amount,
)
from workshop.domain.fraud.windows import SlidingWindows

__all__ = ["LARGEST", "NAMES", "PUBLISHED", "Features", "features", "milliseconds"]

NEVER = np.iinfo(np.int64).max


def milliseconds(times: object) -> np.ndarray:
    """Times (anything that becomes datetime64; naive, UTC) as whole milliseconds since 1970, int64."""
    return pd.Series(times).to_numpy().astype("datetime64[ms]").astype(np.int64)


def features(table: pd.DataFrame, reports: pd.Series | None = None) -> pd.DataFrame:
    """Features of every payment.

    Args:
        table: the canonical table (`transactions`), in the log's order.
        reports: when each fraud became known: times by payment_id; of several for one payment the earliest counts,
            and those of payments that are not in the table are ignored. None: nothing was ever reported.

    Returns:
        Columns NAMES, all float64 and finite; one row a payment, index and order of the table.

    Raises:
        ValueError: an amount above 10^12 cents, or rows not sorted by time.
    """
    cents, at = table["cents"].to_numpy(), milliseconds(table["at"])
    check_amount(int(np.abs(cents).max(initial=0)))
    columns = {
        "amount": cents / 100,
        "weekend": (at // DAY + 3) % 7 >= 5,  # 1970-01-01 was a Thursday
        "night": at // HOUR % 24 <= 6,
        **_of_cards(table["customer"].cat.codes.to_numpy(), at, cents),
        **_of_terminals(table, at, reports),
    }
    return pd.DataFrame({name: np.asarray(columns[name], dtype=float) for name in NAMES}, index=table.index)


def _of_cards(cards: np.ndarray, at: np.ndarray, cents: np.ndarray) -> dict[str, np.ndarray]:
    """Counts and means of each card's last days, and the amount against all its earlier purchases."""
    windows = SlidingWindows(cards, at, max(*CARD_DAYS, *OUTLIER_DAYS) * DAY)
    columns = {}
    for days in CARD_DAYS:
        columns[f"card_payments_{days}d"] = count = windows.counts(days * DAY)
        columns[f"card_mean_{days}d"] = windows.sums(cents, days * DAY) / count / 100
    purchases = np.maximum(cents, 0)
    count, total = windows.earlier((cents > 0).astype(np.int64)), windows.earlier(purchases)
    columns["card_purchases"] = count
    columns["amount_ratio"] = np.divide(cents * count, total, out=np.ones(len(cents)), where=total > 0)
    columns["amount_z"] = _z_scores(cents, count, total, _sums_of_squares(windows, purchases))
    outlier = ((count >= FEW) & (cents * count > OUTLIER * total)).astype(np.int64)
    for days in OUTLIER_DAYS:
        columns[f"card_outliers_{days}d"] = windows.sums(outlier, days * DAY) - outlier
    return columns


def _sums_of_squares(windows: SlidingWindows, purchases: np.ndarray) -> np.ndarray:
    """Of the card's earlier purchases, cents squared: Python's integers, as 64 bits end at two payments of 21 million €."""
    return windows.earlier(purchases.astype(object) ** 2)


def _z_scores(cents: np.ndarray, count: np.ndarray, total: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """(amount - mean) / standard deviation, numerator and variance multiplied by the count: exact until the last step."""
    judged = count >= FEW
    z = np.zeros(len(cents))
    cents, count, total = (values[judged].astype(object) for values in (cents, count, total))
    deviation = np.sqrt((count * squares[judged] - total * total).astype(float))
    z[judged] = (count * cents - total).astype(float) / np.maximum(deviation, total.astype(float) / 10)
    return z


def _of_terminals(table: pd.DataFrame, at: np.ndarray, reports: pd.Series | None) -> dict[str, np.ndarray]:
    """Counts of each terminal's payments at least 7 days old, and how many of them were reported; zeros without one."""
    terminals = table["terminal"].cat.codes.to_numpy()
    known = terminals >= 0
    windows = SlidingWindows(terminals[known], at[known], DELAY + max(TERMINAL_DAYS) * DAY)
    known_at = _known_at(table, reports)
    fraud = np.flatnonzero(known & (known_at < NEVER))
    spans = _Frauds(windows, terminals[fraud], at[fraud], known_at[fraud])
    columns = {}
    for days in TERMINAL_DAYS:
        columns[f"terminal_payments_{days}d"] = count = windows.counts(days * DAY, DELAY)
        columns[f"terminal_risk_{days}d"] = spans.share(count, days * DAY, DELAY)
    columns["terminal_risk_old"] = spans.share(windows.counts(OLD_DAYS * DAY, OLD_DELAY), OLD_DAYS * DAY, OLD_DELAY)
    columns["terminal_reports_30d"] = spans.reported(REPORT_DAYS * DAY)
    return {name: _spread(values, known) for name, values in columns.items()}


def _known_at(table: pd.DataFrame, reports: pd.Series | None) -> np.ndarray:
    """When each payment became known as fraud, in milliseconds; NEVER for most."""
    known = np.full(len(table), NEVER)
    if reports is not None and len(reports):
        earliest = pd.Series(milliseconds(reports), index=reports.index).groupby(level=0).min()
        reported = np.flatnonzero(table["payment_id"].isin(earliest.index))
        known[reported] = earliest.loc[table["payment_id"].iloc[reported]].to_numpy()
    return known


def _spread(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values of the chosen rows (a mask) among zeros for the others."""
    result = np.zeros(len(rows))
    result[rows] = values
    return result


class _Frauds:
    """Reported frauds of terminals: each counts from when it is known, and old enough, until its payment is too old."""

    def __init__(self, windows: SlidingWindows, terminals: np.ndarray, paid: np.ndarray, known: np.ndarray) -> None:
        # A report older than its payment would tell the payment its own label: known a millisecond after, at the earliest.
        self._windows, self._terminals, self._paid, self._known = windows, terminals, paid, np.maximum(known, paid + 1)

    def share(self, payments: np.ndarray, width: int, delay: int) -> np.ndarray:
        """Reported frauds among the window's `payments`; 0 where there are none."""
        begins = np.maximum(self._paid + delay, self._known)
        frauds = self._windows.under_way(self._terminals, begins, self._paid + delay + width)
        return frauds / np.maximum(payments, 1)

    def reported(self, width: int) -> np.ndarray:
        """How many became known in (t - width, t]."""
        return self._windows.under_way(self._terminals, self._known, self._known + width)
