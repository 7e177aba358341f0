"""Sums over sliding windows of time, for every row of a log at once: integers, so that no order of adding changes them."""

from __future__ import annotations

import numpy as np

from workshop.domain.fraud.feature_names import DAY

__all__ = ["DAY", "SlidingWindows"]


class SlidingWindows:
    """The rows of a log, ready to be summed over windows that end at each row and stay within the row's group.

    A window of width w and delay d at a row of time t holds the group's rows of times in (t - d - w, t - d]. With no
    delay, rows of the row's own time count up to the row itself, in the log's order: what a reader of the log has seen.

    All groups are laid end to end on one axis of time, further apart than any window reaches, so that one binary search
    answers for all rows: O(rows log rows), whatever the windows' widths.
    """

    def __init__(self, groups: np.ndarray, times: np.ndarray, reach: int) -> None:
        """Prepare a log.

        Args:
            groups: each row's group, an integer from 0; shape (rows,).
            times: each row's time in whole milliseconds, ascending; shape (rows,).
            reach: the largest delay + width that will be asked for, in milliseconds.

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
        """Where times of groups lie on the one axis."""
        return groups.astype(np.int64) * self._apart + (times - self._first)

    def _passed(self, age: int) -> np.ndarray:
        """For each row, in the axis' order: how many rows up to now are at least so old; age 0: up to the row itself."""
        if age not in self._positions:
            count = np.searchsorted(self._axis, self._axis - age, "right") if age else np.arange(len(self._axis)) + 1
            self._positions[age] = count  # asked for by several windows
        return self._positions[age]

    def _in_log_order(self, values: np.ndarray) -> np.ndarray:
        result = np.empty_like(values)
        result[self._order] = values
        return result

    def _totals(self, values: np.ndarray) -> np.ndarray:
        """Sum of the first 0, 1, 2, ... rows on the axis, in the values' own type (object: Python's integers)."""
        return np.concatenate([np.zeros(1, values.dtype), np.cumsum(values[self._order])])

    def counts(self, width: int, delay: int = 0) -> np.ndarray:
        """How many rows each row's window holds; shape (rows,), int64. `width` and `delay` in milliseconds."""
        return self._in_log_order(self._passed(delay) - self._passed(delay + width))

    def sums(self, values: np.ndarray, width: int, delay: int = 0) -> np.ndarray:
        """Sum of integer `values` (one a row) over each row's window; shape (rows,), the values' type."""
        totals = self._totals(values)
        return self._in_log_order(totals[self._passed(delay)] - totals[self._passed(delay + width)])

    def earlier(self, values: np.ndarray) -> np.ndarray:
        """Sum of integer `values` over all rows of the group before each row, in the log's order; shape (rows,)."""
        totals = self._totals(values)
        return self._in_log_order(totals[:-1] - totals[self._group_starts])

    def under_way(self, groups: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """How many spans of time of the row's group hold the row's time, begin <= t < end; shape (rows,), int64.

        Args:
            groups: each span's group.
            begins: when spans begin, in milliseconds, none before the log's first row.
            ends: when they end.
        """
        lasting = (begins < ends) & (begins - self._first < self._apart)
        ends = np.minimum(ends, self._first + self._apart - 1)
        begun, ended = (np.sort(self._places(groups[lasting], edge[lasting])) for edge in (begins, ends))
        counts = np.searchsorted(begun, self._axis, "right") - np.searchsorted(ended, self._axis, "right")
        return self._in_log_order(counts)
