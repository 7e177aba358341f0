"""Warnings afterwards: periods of strange payments, relative to the habits of the same card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from workshop.domain.fraud.card_log import DAY, CardLog
from workshop.domain.fraud.segments import Crowding, best_apart, burst_evidence, restlessness


@dataclass(frozen=True)
class Habits:
    """The habits of an honest card, and the limits from which a period leads to a warning.

    Attributes:
        factor: an amount above this multiple of the card's median is high. Amounts whose standard deviation is half their
            mean stay below 3 times, except once in 30,000 payments; for more uneven spending, the card's usual share of high
            amounts counts.
        rare: the lower limit of a card's usual share of high amounts: one in a half-year log of five payments per day, and
            30 times the share above; a shorter log cannot show a smaller share.
        strange: the expected share of high amounts in a strange series, or twice the usual share if that is more.
        common: on a card with a larger usual share, high amounts are no signal: only the number of payments is judged.
        quiet_days: a series ends after this many days without a high amount.
        series: the minimum number of high amounts in a series; a single one is a case for the rules in real time.
        burst_days: the length of the windows in which bursts are searched: a weekend and one more day.
        burst_payments: the minimum number in a window (three per day); fewer are a day's shopping, whatever the card's rate.
        history: the minimum number of payments outside a period; fewer do not show the card's habits.
        longest_days: the longest period, a month: one statement shows it and customers remember it; longer ones are split.
        largest_share: the largest share of the days of a card's log that a period may cover; a longer one is a habit.
        false_warnings: the approximate number of false warnings per honest card, signal and log: one among fifty cards.
            Payments at random cause a tenth of it, amounts with a long tail up to 3 per 100 cards, and cards that are idle
            and heavily used in turns cause more.
    """

    factor: int = 3
    rare: float = 0.001
    strange: float = 0.3
    common: float = 0.25
    quiet_days: float = 14
    series: int = 2
    burst_days: float = 3
    burst_payments: int = 9
    history: int = 10
    longest_days: float = 31
    largest_share: float = 1 / 3
    false_warnings: float = 0.02

    @property
    def enough(self) -> float:
        """The minimum evidence of a warning, in nats."""
        return -float(np.log(self.false_warnings))

    def crowding(self, usual: float) -> Crowding:
        """Return the evidence model of a strange series on a card with this usual share of high amounts."""
        usual = max(self.rare, usual)
        return Crowding(usual, max(self.strange, 2 * usual))


@dataclass(frozen=True)
class PeriodWarning:
    """One strange period of one card.

    Attributes:
        customer: the customer.
        first, last: times of the first and of the last strange payment.
        payments: the number of strange payments; in a burst all payments, because the additional ones cannot be identified.
        among: the number of payments from first to last, without refunds.
        cents: the sum of the strange payments.
        payment_ids: the strange payments, by time.
        signal: the broken habit: "amount", "count" or "both".
        score: evidence in nats, minus a penalty for the search over the whole log: comparable between cards.
    """

    customer: object
    first: datetime
    last: datetime
    payments: int
    among: int
    cents: int
    payment_ids: tuple
    signal: str
    score: float


@dataclass(frozen=True)
class _Finding:
    """A strange stretch of the log: its strange rows (ascending), the signal, and the evidence."""

    rows: np.ndarray
    signal: str
    score: float


def find_periods(table: pd.DataFrame, habits: Habits | None = None) -> list[PeriodWarning]:
    """Return the strange periods of all cards of a log, the strongest evidence first.

    The log is the canonical table. Each card is compared only with itself: a subset of the cards gives the same warnings. A
    payment with several rows in the log counts once. Overlapping periods of a card are merged, unless the result would be
    too long for a period.
    """
    habits = habits or Habits()
    log = CardLog(table)
    if not len(log.at):
        return []
    findings = _joined(log, [*_amounts(log, habits), *_bursts(log, habits)], habits)
    return sorted((_warning(log, finding) for finding in findings), key=_by_weight)


def _by_weight(warning: PeriodWarning) -> tuple:
    return (-warning.score, warning.first, str(warning.customer))


def _warning(log: CardLog, finding: _Finding) -> PeriodWarning:
    """Return the warning for a finding."""
    rows = finding.rows
    ids = sorted(zip(log.at[rows].tolist(), log.ids[rows], strict=True), key=lambda row: (row[0], str(row[1])))
    first, last = (pd.Timestamp(int(log.at[row]), unit="ms").to_pydatetime() for row in (rows[0], rows[-1]))
    return PeriodWarning(
        customer=log.customers[log.cards[log.card[rows[0]]]],
        first=first,
        last=last,
        payments=len(rows),
        among=log.among(rows),
        cents=sum(log.cents[rows].tolist()),
        payment_ids=tuple(payment for _, payment in ids),
        signal=finding.signal,
        score=round(finding.score, 6),
    )


def _fits(log: CardLog, rows: np.ndarray, habits: Habits) -> bool:
    """Return whether these rows span a period rather than the card's habit."""
    card = log.card[rows[0]]
    whole = np.array([log.starts[card], log.starts[card + 1] - 1])
    longest = min(habits.longest_days, habits.largest_share * log.days(whole))
    outside = log.sizes[card] - log.among(rows)
    return bool(outside >= habits.history and log.days(rows) <= longest)


def _amounts(log: CardLog, habits: Habits) -> Iterator[_Finding]:
    """Yield the clusters of high amounts."""
    high = np.flatnonzero(log.cents > habits.factor * log.medians()[log.card])
    for rows in np.split(high, np.flatnonzero(np.diff(log.card[high])) + 1):
        if len(rows) >= habits.series and log.sizes[log.card[rows[0]]] > habits.history:
            yield from _series(log, rows, habits)


def _series(log: CardLog, rows: np.ndarray, habits: Habits) -> Iterator[_Finding]:
    """Yield the strange series among one card's high amounts."""
    card = log.card[rows[0]]
    size = int(log.sizes[card])
    usual = _usual_share(rows - log.starts[card], size)
    if usual > habits.common:
        return
    crowding, marks = habits.crowding(usual), len(rows)
    for part in sorted(_candidates(log, rows, crowding, habits), key=crowding.of, reverse=True):
        score = _series_score(habits, part - log.starts[card], marks, size)
        if score >= habits.enough:
            yield _Finding(part, "amount", score)
            marks, size = marks - len(part), size - log.among(part)  # strange payments do not count for the usual share


def _candidates(log: CardLog, rows: np.ndarray, crowding: Crowding, habits: Habits) -> Iterator[np.ndarray]:
    """Yield the clusters of one card's high amounts, each short enough for a period."""
    for spell in np.split(rows, np.flatnonzero(np.diff(log.at[rows]) > habits.quiet_days * DAY) + 1):
        for crowd in crowding.crowds(spell):
            yield from _parts(log, crowd, habits)


def _series_score(habits: Habits, part: np.ndarray, marks: int, size: int) -> float:
    """Return the evidence of a series in nats, minus a penalty for the search over the whole log.

    The share of high amounts outside the series is the usual one. At random, a series starts at `size * usual` high amounts,
    and from each of them reaches evidence e beyond the first with probability at most exp(-e). So the first amount does not
    count, and the penalty is log(size * usual).
    """
    length = int(part[-1] - part[0]) + 1
    if len(part) < habits.series or length >= size:
        return -float("inf")
    usual = (marks - len(part)) / (size - length)
    if usual > habits.common:  # on such a card a high amount is no signal
        return -float("inf")
    crowding = habits.crowding(usual)
    return crowding.of(part) - crowding.mark - float(np.log(size * crowding.usual))


def _usual_share(places: np.ndarray, size: int) -> float:
    """Return the median share of high amounts over six stretches of equal length.

    A single strange stretch does not change the median much.
    """
    edges = np.linspace(0, size, 7).round()
    return float(np.median(np.histogram(places, edges)[0] / np.diff(edges)))


def _parts(log: CardLog, rows: np.ndarray, habits: Habits) -> Iterator[np.ndarray]:
    """Yield the rows, split at their longest pause until each part fits."""
    waiting = [rows]
    while waiting:
        part = waiting.pop()
        if len(part) == 1 or _fits(log, part, habits):
            yield part
            continue
        pauses = np.diff(log.at[part])
        longest = np.flatnonzero(pauses == pauses.max()) + 1
        cut = longest[len(longest) // 2]
        waiting += [part[cut:], part[:cut]]


def _clock(log: CardLog, habits: Habits) -> np.ndarray:
    """Return the milliseconds for which each row's card has been in use.

    A pause counts for at most `quiet_days`, because an unused card has no rate.
    """
    pause = np.minimum(np.diff(log.at, prepend=log.at[0]), int(habits.quiet_days * DAY))
    pause[log.starts[:-1]] = 0
    clock = np.cumsum(pause)
    return clock - clock[log.starts[:-1]][log.card]


def _bursts(log: CardLog, habits: Habits) -> Iterator[_Finding]:
    """Yield the bursts: windows in which a card was used far more often than at other times."""
    clock, width = _clock(log, habits), int(habits.burst_days * DAY)
    ends = _window_ends(log, clock, width)
    score = _burst_scores(log, clock, ends, width)
    starts = np.flatnonzero((ends - np.arange(len(ends)) >= habits.burst_payments) & (score >= habits.enough))
    for group in np.split(starts, np.flatnonzero(np.diff(log.card[starts])) + 1):
        for index in best_apart(group, ends[group], score[group]):
            rows = np.arange(group[index], ends[group[index]])
            if _fits(log, rows, habits):
                yield _Finding(rows, "count", float(score[group[index]]))


def _window_ends(log: CardLog, clock: np.ndarray, width: int) -> np.ndarray:
    """Return the end (last row + 1) of the window that starts at each row, on the same card."""
    lane = log.card * (int(clock.max()) + width + 2)  # cards one after the other, farther apart than a window
    return np.searchsorted(lane + clock, lane + clock + width, "left")


def _burst_scores(log: CardLog, clock: np.ndarray, ends: np.ndarray, width: int) -> np.ndarray:
    """Return the evidence of the window that starts at each row, divided by the card's restlessness.

    It is -inf if the window covers the whole log of the card.
    """
    length = clock[log.starts[1:] - 1]
    bins = length // width + 1
    which = (np.cumsum(bins) - bins)[log.card] + clock // width
    unrest = restlessness(np.bincount(which, minlength=bins.sum()), np.repeat(np.arange(len(bins)), bins), len(bins))
    share, total = width / np.maximum(length, width), log.sizes
    inside = ends - np.arange(len(ends))
    evidence = burst_evidence(inside, total[log.card], share[log.card]) / unrest[log.card]
    return np.where(share[log.card] < 1, evidence - np.log(total[log.card]), -np.inf)


def _joined(log: CardLog, findings: list[_Finding], habits: Habits) -> list[_Finding]:
    """Merge findings of a card that overlap or follow within a day, if the result is still a period."""
    done: list[_Finding] = []
    for finding in sorted(findings, key=lambda finding: (finding.rows[0], finding.rows[-1], finding.signal)):
        both = _join(done[-1], finding) if done and _touch(log, done[-1], finding) else None
        if both and _fits(log, both.rows, habits):
            done[-1] = both
        else:
            done.append(finding)
    return done


def _touch(log: CardLog, one: _Finding, other: _Finding) -> bool:
    same = log.card[one.rows[0]] == log.card[other.rows[0]]
    return bool(same and log.at[other.rows[0]] - log.at[one.rows[-1]] <= DAY)


def _join(one: _Finding, other: _Finding) -> _Finding:
    """Merge two findings: each strange payment once, and the sum of the evidence."""
    signal = one.signal if one.signal == other.signal else "both"
    return replace(one, rows=np.union1d(one.rows, other.rows), signal=signal, score=one.score + other.score)
