"""Figures of a run: write gaps, latency of acknowledged payments, retries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workshop.chaos.ledger import Entry

BEFORE, DURING, AFTER = "before", "during", "after"


@dataclass
class Step:
    """One fault, or several at the same time. Times are in seconds since 1970.

    Attributes:
        names: the faults.
        victims: what they hit.
        began, mended, well: the times of injection, repair and recovery; None for a future one.
    """

    names: tuple[str, ...]
    began: float
    victims: tuple[str, ...] = ()
    mended: float | None = None
    well: float | None = None

    @property
    def word(self) -> str:
        """Its faults, joined by "+"."""
        return "+".join(self.names)


@dataclass(frozen=True)
class Figures:
    """Figures of a period.

    Attributes:
        payments: the number of payments whose first attempt is in the period.
        p95: 95th percentile of the seconds from the first attempt to the acknowledgement; nan without acknowledgements.
        gap: the longest time in seconds without an acknowledgement, within the period.
        again: the number of attempts that were not acknowledged.
    """

    payments: int
    p95: float
    gap: float
    again: int


def figures(entries: Iterable[Entry], spans: Sequence[tuple[float, float]]) -> Figures:
    """Return the figures of some periods."""
    entries = list(entries)
    chosen = [entry for entry in entries if _within(entry.at, spans)]
    waits = [at - entry.at for entry in chosen if (at := entry.acknowledged_at) is not None]
    times = sorted(at for entry in entries if (at := entry.acknowledged_at) is not None)
    gaps = [gap for begin, end in spans for gap in _gaps(times, begin, end)]
    failed = [attempt for entry in entries for attempt in entry.attempts if attempt.status != 201]
    again = sum(_within(attempt.at, spans) for attempt in failed)
    return Figures(len(chosen), percentile(waits, 0.95), max(gaps, default=float("nan")), again)


def spans(steps: Sequence[Step], began: float, ended: float) -> dict[str, list[tuple[float, float]]]:
    """Return the periods before the first fault, during the faults, and after each of them until the next."""
    during = [(step.began, step.well or ended) for step in steps]
    if not during:
        return {BEFORE: [(began, ended)], DURING: [], AFTER: []}
    calm = [(well, following) for (_, well), (following, _) in pairwise([*during, (ended, ended)])]
    return {BEFORE: [(began, during[0][0])], DURING: during, AFTER: calm}


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value that the given share of the values does not exceed; nan without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def _within(at: float, spans: Sequence[tuple[float, float]]) -> bool:
    return any(begin <= at < end for begin, end in spans)


def _gaps(times: Sequence[float], begin: float, end: float) -> list[float]:
    """Return the pauses between acknowledgements, cut to the period."""
    pauses = [(max(before, begin), min(after, end)) for before, after in pairwise([begin, *times, end])]
    return [after - before for before, after in pauses if after > before]
