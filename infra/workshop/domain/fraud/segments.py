"""The two scans for a stretch that stands out: where rare marks crowd together, and where too much happens at once.

Both measure evidence in nats: the logarithm of how much likelier the stretch is as an exception than as chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


def maximal_segments(scores: Sequence[float]) -> list[tuple[int, int, float]]:
    """All maximal-scoring stretches of a sequence: (first index, last index + 1, sum), in order.

    The best stretch, then the best of what is left of it and right of it, and so on; every sum is above 0.
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
    """Append a stretch, first joined with every earlier one that it makes larger."""
    while True:
        earlier = next((place for place in range(len(found) - 1, -1, -1) if found[place][2] < new[2]), None)
        if earlier is None or found[earlier][3] >= new[3]:
            found.append(new)
            return
        new = (found[earlier][0], new[1], found[earlier][2], new[3])
        del found[earlier:]


@dataclass(frozen=True)
class Crowding:
    """Evidence per payment that marks are as frequent as `strange` (a share) rather than as `usual`."""

    usual: float
    strange: float

    @property
    def mark(self) -> float:
        """Nats for each marked payment: above 0."""
        return float(np.log(self.strange / self.usual))

    @property
    def other(self) -> float:
        """Nats for each payment that is not marked: below 0."""
        return float(np.log((1 - self.strange) / (1 - self.usual)))

    def of(self, places: np.ndarray) -> float:
        """Evidence of the stretch from the first to the last of these marked places (positions, ascending)."""
        others = int(places[-1] - places[0]) + 1 - len(places)
        return len(places) * self.mark + others * self.other

    def crowds(self, places: np.ndarray) -> Iterator[np.ndarray]:
        """The maximal-scoring groups of marked places; only the marks are looped over, however many lie between."""
        scores = np.empty(2 * len(places) - 1)
        scores[::2] = self.mark
        scores[1::2] = (np.diff(places) - 1) * self.other
        for first, end, _ in maximal_segments(scores.tolist()):
            yield places[(first + 1) // 2 : (end + 1) // 2]


def burst_evidence(inside: np.ndarray, total: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Nats for `inside` of `total` payments falling in a window that is `share` of the time; 0 where not too many.

    The likelihood ratio of one rate inside and another outside against a single rate, given the total. Chance reaches
    evidence e in a given window with probability at most exp(-e) (Chernoff).
    Source: M. Kulldorff, A spatial scan statistic, Communications in Statistics 26 (1997).
    """
    expected, outside = total * share, total - inside
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(outside > 0, outside * np.log(outside / (total - expected)), 0.0)
        evidence = inside * np.log(inside / expected) + rest
    return np.where(inside > expected, evidence, 0.0)


def best_apart(starts: np.ndarray, ends: np.ndarray, evidence: np.ndarray) -> list[int]:
    """Of overlapping windows the strongest (the earlier of equals): indices of windows [start, end) that are disjoint."""
    chosen: list[int] = []
    for index in np.lexsort((starts, -evidence)).tolist():
        if all(ends[index] <= starts[other] or ends[other] <= starts[index] for other in chosen):
            chosen.append(index)
    return sorted(chosen, key=lambda index: int(starts[index]))


def restlessness(counts: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Variance over mean of each group's counts, its two highest left out, at least 1 (what pure chance gives).

    Two, because a burst of one window's length touches at most two neighbouring counts; it must not excuse itself.
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
