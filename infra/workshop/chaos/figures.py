"""What a run came to: how long nothing was acknowledged, how long customers waited, how many had to ask again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workshop.chaos.ledger import Entry

BEFORE, DURING, AFTER = "before", "during", "after"


@dataclass
class Step:
    """One fault, or several at once. Times are in seconds since 1970.

    Attributes:
        names: the faults.
        victims: whom they hit.
        began, mended, well: when it broke, when it was mended, and when all was well again; None for what has not come yet.
    """

    names: tuple[str, ...]
    began: float
    victims: tuple[str, ...] = ()
    mended: float | None = None
    well: float | None = None

    @property
    def word(self) -> str:
        """Its faults in a word."""
        return "+".join(self.names)


@dataclass(frozen=True)
class Figures:
    """Figures of a time.

    Attributes:
        payments: how many were wanted in it.
        p95: seconds from a payment's first attempt to its acknowledgement that 95 % did not exceed; nan where there are none.
        gap: the longest time in seconds within this time in which nothing was acknowledged.
        again: attempts that were not acknowledged, each followed by another.
    """

    payments: int
    p95: float
    gap: float
    again: int


def figures(entries: Iterable[Entry], spans: Sequence[tuple[float, float]]) -> Figures:
    """The figures of some spans of time."""
    entries = list(entries)
    chosen = [entry for entry in entries if _within(entry.at, spans)]
    waits = [at - entry.at for entry in chosen if (at := entry.acknowledged_at) is not None]
    times = sorted(at for entry in entries if (at := entry.acknowledged_at) is not None)
    gaps = [gap for begin, end in spans for gap in _gaps(times, begin, end)]
    failed = [attempt for entry in entries for attempt in entry.attempts if attempt.status != 201]
    again = sum(_within(attempt.at, spans) for attempt in failed)
    return Figures(len(chosen), percentile(waits, 0.95), max(gaps, default=float("nan")), again)


def spans(steps: Sequence[Step], began: float, ended: float) -> dict[str, list[tuple[float, float]]]:
    """The times before the first fault, during the faults, and after each of them until the next."""
    during = [(step.began, step.well or ended) for step in steps]
    if not during:
        return {BEFORE: [(began, ended)], DURING: [], AFTER: []}
    calm = [(well, following) for (_, well), (following, _) in pairwise([*during, (ended, ended)])]
    return {BEFORE: [(began, during[0][0])], DURING: during, AFTER: calm}


def percentile(values: Iterable[float], share: float) -> float:
    """The value that so large a share does not exceed; nan if there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def _within(at: float, spans: Sequence[tuple[float, float]]) -> bool:
    return any(begin <= at < end for begin, end in spans)


def _gaps(times: Sequence[float], begin: float, end: float) -> list[float]:
    """The pauses between acknowledgements, as far as they lie between two moments."""
    pauses = [(max(before, begin), min(after, end)) for before, after in pairwise([begin, *times, end])]
    return [after - before for before, after in pauses if after > before]
