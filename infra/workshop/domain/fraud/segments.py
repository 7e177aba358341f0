"""Two scans for exceptional stretches of a sequence: clusters of rare marks, and bursts of events.

Both measure evidence in nats: the logarithm of the likelihood ratio of an exception to chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


def maximal_segments(scores: Sequence[float]) -> list[tuple[int, int, float]]:
    """Return all maximal-scoring stretches of a sequence: (first index, last index + 1, sum), in order.

    They are the best stretch, then the best ones to the left and right of it, and so on; every sum is above 0.
    Source: W. L. Ruzzo and M. Tompa, A linear time algorithm for finding all maximal scoring subsequences, ISMB 1999.
    """
    found: list[tuple[int, int, float, float]] = []  # first, end, total before the first, total at the end
    total = 0.0
    for index, score in enumerate(scores):
        before, total = total, total + score
        if score > 0:
            _add(found, (index, index + 1, before, total))
    return [(first, end, right - left) for first, end, left, right in found]


def _add(found: list[tuple[int, int, float, float]], new: tuple[int, int, float, float]) -> None:
    """Append a stretch, after merging it with earlier ones whose sums it increases."""
    while True:
        earlier = next((place for place in range(len(found) - 1, -1, -1) if found[place][2] < new[2]), None)
        if earlier is None or found[earlier][3] >= new[3]:
            found.append(new)
            return
        new = (found[earlier][0], new[1], found[earlier][2], new[3])
        del found[earlier:]


@dataclass(frozen=True)
class Crowding:
    """Evidence per payment that the share of marks is `strange` rather than `usual`."""

    usual: float
    strange: float

    @property
    def mark(self) -> float:
        """The nats of each marked payment, above 0."""
        return float(np.log(self.strange / self.usual))

    @property
    def other(self) -> float:
        """The nats of each payment that is not marked, below 0."""
        return float(np.log((1 - self.strange) / (1 - self.usual)))

    def of(self, places: np.ndarray) -> float:
        """Return the evidence of the stretch from the first to the last of these marked positions (ascending)."""
        others = int(places[-1] - places[0]) + 1 - len(places)
        return len(places) * self.mark + others * self.other

    def crowds(self, places: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the maximal-scoring groups of marked positions; the loop is over the marks only."""
        scores = np.empty(2 * len(places) - 1)
        scores[::2] = self.mark
        scores[1::2] = (np.diff(places) - 1) * self.other
        for first, end, _ in maximal_segments(scores.tolist()):
            yield places[(first + 1) // 2 : (end + 1) // 2]


def burst_evidence(inside: np.ndarray, total: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the nats for `inside` of `total` payments in a window of this `share` of the time.

    The log-likelihood ratio of one rate inside and another outside to a single rate, given the total; 0 without an excess.
    Chance reaches evidence e in a given window with probability at most exp(-e) (Chernoff).
    Source: M. Kulldorff, A spatial scan statistic, Communications in Statistics 26 (1997).
    """
    expected, outside = total * share, total - inside
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(outside > 0, outside * np.log(outside / (total - expected)), 0.0)
        evidence = inside * np.log(inside / expected) + rest
    return np.where(inside > expected, evidence, 0.0)


def best_apart(starts: np.ndarray, ends: np.ndarray, evidence: np.ndarray) -> list[int]:
    """Return the strongest of overlapping windows, as indices of disjoint windows [start, end).

    Of windows with equal evidence, the earlier one is chosen.
    """
    chosen: list[int] = []
    for index in np.lexsort((starts, -evidence)).tolist():
        if all(ends[index] <= starts[other] or ends[other] <= starts[index] for other in chosen):
            chosen.append(index)
    return sorted(chosen, key=lambda index: int(starts[index]))


def restlessness(counts: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Return variance over mean of each group's counts without the two highest, at least 1 (pure chance).

    Two, because a burst of one window's length touches at most two adjacent counts; it must not raise its own threshold.
    """
    order = np.lexsort((counts, group))
    counts, group = counts[order].astype(float), group[order]
    ends = np.cumsum(np.bincount(group, minlength=groups))
    keep = np.arange(len(counts)) < ends[group] - 2
    counts, group = counts[keep], group[keep]
    size, one, two = (np.bincount(group, weights=counts**power, minlength=groups) for power in (0, 1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = one / size
        ratio = (two / size - mean**2) / mean
    return np.fmax(ratio, 1.0)
