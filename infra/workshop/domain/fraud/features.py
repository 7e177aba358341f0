"""Features of each payment, for a whole log; `stream` computes the same ones one event at a time.

A payment's features depend only on the payment, on the rows before it in the log and on the frauds reported by its time.
Every sum is a sum of integers (cents, counts), and each feature ends in at most a few float operations, in a fixed order: so
both computations give the same floats, bit by bit.
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
    """Return times (values that convert to datetime64; naive, UTC) as milliseconds since 1970, int64."""
    return pd.Series(times).to_numpy().astype("datetime64[ms]").astype(np.int64)


def features(table: pd.DataFrame, reports: pd.Series | None = None) -> pd.DataFrame:
    """Return the features of every payment.

    Args:
        table: the canonical table (`transactions`), in the log's order.
        reports: the time at which each fraud became known, by payment_id; the earliest of several for one payment counts,
            and payments that are not in the table are ignored. None means no reports.

    Returns:
        Columns NAMES, all float64 and finite; one row per payment, index and order of the table.

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
    """Return counts and means of each card's last days, and the amount relative to its earlier purchases."""
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
    """Return the sums of squared cents of each card's earlier purchases, as Python's integers.

    64 bits would overflow at two payments of 21 million €.
    """
    return windows.earlier(purchases.astype(object) ** 2)


def _z_scores(cents: np.ndarray, count: np.ndarray, total: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return (amount - mean) / standard deviation.

    Numerator and variance are multiplied by the count, so that they are exact until the last step.
    """
    judged = count >= FEW
    z = np.zeros(len(cents))
    cents, count, total = (values[judged].astype(object) for values in (cents, count, total))
    deviation = np.sqrt((count * squares[judged] - total * total).astype(float))
    z[judged] = (count * cents - total).astype(float) / np.maximum(deviation, total.astype(float) / 10)
    return z


def _of_terminals(table: pd.DataFrame, at: np.ndarray, reports: pd.Series | None) -> dict[str, np.ndarray]:
    """Return counts of each terminal's payments and their shares of reported frauds.

    The windows end 7 days before the payment. Payments without a terminal have zeros.
    """
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
    """Return the time at which each payment became known as fraud, in milliseconds; NEVER for most."""
    known = np.full(len(table), NEVER)
    if reports is not None and len(reports):
        earliest = pd.Series(milliseconds(reports), index=reports.index).groupby(level=0).min()
        reported = np.flatnonzero(table["payment_id"].isin(earliest.index))
        known[reported] = earliest.loc[table["payment_id"].iloc[reported]].to_numpy()
    return known


def _spread(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the values at the rows of a mask, and zeros at the others."""
    result = np.zeros(len(rows))
    result[rows] = values
    return result


class _Frauds:
    """Reported frauds at terminals.

    Each counts from the time at which it is known and old enough, until its payment is too old.
    """

    def __init__(self, windows: SlidingWindows, terminals: np.ndarray, paid: np.ndarray, known: np.ndarray) -> None:
        # A report older than its payment would leak the payment's own label: it counts a millisecond later at the earliest.
        self._windows, self._terminals, self._paid, self._known = windows, terminals, paid, np.maximum(known, paid + 1)

    def share(self, payments: np.ndarray, width: int, delay: int) -> np.ndarray:
        """Return the share of reported frauds among the window's `payments`; 0 without payments."""
        begins = np.maximum(self._paid + delay, self._known)
        frauds = self._windows.under_way(self._terminals, begins, self._paid + delay + width)
        return frauds / np.maximum(payments, 1)

    def reported(self, width: int) -> np.ndarray:
        """Return the number of frauds that became known in (t - width, t]."""
        return self._windows.under_way(self._terminals, self._known, self._known + width)
