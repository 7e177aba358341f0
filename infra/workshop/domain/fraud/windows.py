"""Sums over sliding time windows for all rows of a log, in integers, which add up in any order."""

from __future__ import annotations

import numpy as np

from workshop.domain.fraud.feature_names import DAY

__all__ = ["DAY", "SlidingWindows"]


class SlidingWindows:
    """The rows of a log, prepared for sums over windows that end at each row and stay within its group.

    A window of width w and delay d at a row of time t contains the group's rows of times in (t - d - w, t - d]. Without a
    delay, rows of the same time count up to the row itself, in the log's order: the rows that a reader of the log has seen.

    All groups are placed one after the other on one time axis, farther apart than any window reaches, so that one binary
    search serves all rows: O(rows log rows), for any width of the windows.
    """

    def __init__(self, groups: np.ndarray, times: np.ndarray, reach: int) -> None:
        """Prepare a log.

        Args:
            groups: each row's group, an integer from 0; shape (rows,).
            times: each row's time in whole milliseconds, ascending; shape (rows,).
            reach: the largest delay + width of a later call, in milliseconds.

        Raises:
            ValueError: times descend, or groups x time do not fit into 64 bits.
        """
        times = np.asarray(times, dtype=np.int64)
        if (np.diff(times) < 0).any():
            raise ValueError("Rows must be sorted by time.")
        self._first = int(times[0]) if len(times) else 0
        self._apart = (int(times[-1]) - self._first if len(times) else 0) + reach + 1
        if len(groups) and (int(groups.max()) + 1) * self._apart >= 2**63:
            raise ValueError("Too many groups over too long a time for one 64-bit axis.")
        self._order = np.argsort(groups, kind="stable")
        self._axis = self._places(groups[self._order], times[self._order])
        self._positions: dict[int, np.ndarray] = {}
        self._group_starts = np.searchsorted(self._axis, groups[self._order].astype(np.int64) * self._apart)

    def _places(self, groups: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the positions of times of groups on the common axis."""
        return groups.astype(np.int64) * self._apart + (times - self._first)

    def _passed(self, age: int) -> np.ndarray:
        """Return for each row the number of rows that are at least `age` old, in the axis' order.

        For age 0, count up to the row itself.
        """
        if age not in self._positions:
            count = np.searchsorted(self._axis, self._axis - age, "right") if age else np.arange(len(self._axis)) + 1
            self._positions[age] = count  # several windows need it
        return self._positions[age]

    def _in_log_order(self, values: np.ndarray) -> np.ndarray:
        result = np.empty_like(values)
        result[self._order] = values
        return result

    def _totals(self, values: np.ndarray) -> np.ndarray:
        """Return the sums of the first 0, 1, 2, ... rows on the axis, in the type of the values.

        The type object means Python's integers.
        """
        return np.concatenate([np.zeros(1, values.dtype), np.cumsum(values[self._order])])

    def counts(self, width: int, delay: int = 0) -> np.ndarray:
        """Return the number of rows in each row's window; shape (rows,), int64.

        Args:
            width, delay: in milliseconds.
        """
        return self._in_log_order(self._passed(delay) - self._passed(delay + width))

    def sums(self, values: np.ndarray, width: int, delay: int = 0) -> np.ndarray:
        """Return the sum of integer `values` over each row's window; shape (rows,), the values' type.

        Args:
            values: one value per row.
            width, delay: in milliseconds.
        """
        totals = self._totals(values)
        return self._in_log_order(totals[self._passed(delay)] - totals[self._passed(delay + width)])

    def earlier(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of integer `values` over the group's rows before each row; shape (rows,)."""
        totals = self._totals(values)
        return self._in_log_order(totals[:-1] - totals[self._group_starts])

    def under_way(self, groups: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return the number of the group's time spans that contain each row's time; shape (rows,), int64.

        A span contains the times begin <= t < end.

        Args:
            groups: the group of each span.
            begins: the starts of the spans in milliseconds, none before the log's first row.
            ends: the ends of the spans.
        """
        lasting = (begins < ends) & (begins - self._first < self._apart)
        ends = np.minimum(ends, self._first + self._apart - 1)
        begun, ended = (np.sort(self._places(groups[lasting], edge[lasting])) for edge in (begins, ends))
        counts = np.searchsorted(begun, self._axis, "right") - np.searchsorted(ended, self._axis, "right")
        return self._in_log_order(counts)
