"""The warning afterwards: over which periods a card's payments were strange, judged by that card's own habits."""

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
    """What an honest card does, and how far from it a period must lie before its customer is told.

    Attributes:
        factor: an amount is high above so many times the card's median. Amounts whose spread is half their mean stay
            below 3 times all but once in 30,000 payments; of more uneven spending, `rare` asks how much is usual.
        rare: no card's usual share of high amounts counts as smaller: one in a half-year log of five payments a day,
            and 30 times the share above; a shorter log cannot show less.
        strange: in a strange series about this share of the payments is high, or twice the usual share if that is more.
        common: a card on which more than this share is usually high has no use for the word: only its count is judged.
        quiet_days: a series ends when so many days pass without a high amount: two weeks later it is another story.
        series: fewer high amounts are an unusual payment, not a series of them; that is for the rules in real time.
        burst_days: a burst is looked for in windows of so many days: a weekend and one more.
        burst_payments: fewer in one window (three a day) are a day's shopping, whatever the card's rate.
        history: so many payments must lie outside a period: from fewer nobody knows what is usual.
        longest_days: a month, what one statement shows and memory can check; longer periods are split.
        largest_share: a period is at most so much of the days that its card's log covers: what lasts is the habit.
        false_warnings: about how many one honest card may cause, by each signal, in a log: among fifty cards one. Of
            payments that are pure chance a tenth as many come; of amounts with a long tail up to 3 in 100 cards; more
            of a card that lies idle and is used heavily by turns.
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
        """The evidence, in nats, from which a period is told."""
        return -float(np.log(self.false_warnings))

    def crowding(self, usual: float) -> Crowding:
        """What a strange series looks like on a card with this usual share of high amounts."""
        usual = max(self.rare, usual)
        return Crowding(usual, max(self.strange, 2 * usual))


@dataclass(frozen=True)
class PeriodWarning:
    """One strange period of one card.

    Attributes:
        customer: whose.
        first, last: times of the first and of the last strange payment.
        payments: how many are strange; in a burst that is every payment, for nobody can tell which are the extra ones.
        among: how many payments there are from first to last; refunds are not counted.
        cents: the strange payments' sum.
        payment_ids: the strange payments, by time.
        signal: which habit was broken: "amount", "count" or "both".
        score: evidence in nats, less what looking at every place of the log costs: comparable between cards.
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
    """A strange stretch of the log: its strange rows (ascending), and its evidence."""

    rows: np.ndarray
    signal: str
    score: float


def find_periods(table: pd.DataFrame, habits: Habits | None = None) -> list[PeriodWarning]:
    """The strange periods of every card of a log (the canonical table), the strongest evidence first.

    Each card is compared with itself alone: a subset of the cards gives the same warnings. A payment of which the log
    holds several rows counts once. Periods of one card that overlap are one, unless that would be longer than a period.
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
    """What the customer is told."""
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
    """Whether these rows span a period rather than the card's habit."""
    card = log.card[rows[0]]
    whole = np.array([log.starts[card], log.starts[card + 1] - 1])
    longest = min(habits.longest_days, habits.largest_share * log.days(whole))
    outside = log.sizes[card] - log.among(rows)
    return bool(outside >= habits.history and log.days(rows) <= longest)


def _amounts(log: CardLog, habits: Habits) -> Iterator[_Finding]:
    """Where high amounts crowd together."""
    high = np.flatnonzero(log.cents > habits.factor * log.medians()[log.card])
    for rows in np.split(high, np.flatnonzero(np.diff(log.card[high])) + 1):
        if len(rows) >= habits.series and log.sizes[log.card[rows[0]]] > habits.history:
            yield from _series(log, rows, habits)


def _series(log: CardLog, rows: np.ndarray, habits: Habits) -> Iterator[_Finding]:
    """The strange series among one card's high amounts."""
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
            marks, size = marks - len(part), size - log.among(part)  # what is strange does not tell what is usual


def _candidates(log: CardLog, rows: np.ndarray, crowding: Crowding, habits: Habits) -> Iterator[np.ndarray]:
    """The places where one card's high amounts crowd, each short enough to be a period."""
    for spell in np.split(rows, np.flatnonzero(np.diff(log.at[rows]) > habits.quiet_days * DAY) + 1):
        for crowd in crowding.crowds(spell):
            yield from _parts(log, crowd, habits)


def _series_score(habits: Habits, part: np.ndarray, marks: int, size: int) -> float:
    """Evidence of one series, the share of high amounts outside it taken as usual, less what looking everywhere costs.

    By chance a series starts at `size * usual` high amounts, and from each reaches evidence e beyond the first with
    probability at most exp(-e): so many more nats it must bring.
    """
    length = int(part[-1] - part[0]) + 1
    if len(part) < habits.series or length >= size:
        return -float("inf")
    usual = (marks - len(part)) / (size - length)
    if usual > habits.common:  # on such a card a high amount is no news
        return -float("inf")
    crowding = habits.crowding(usual)
    return crowding.of(part) - crowding.mark - float(np.log(size * crowding.usual))


def _usual_share(places: np.ndarray, size: int) -> float:
    """The median, over six stretches of equal length, of the share of high amounts: a strange one does not move it."""
    edges = np.linspace(0, size, 7).round()
    return float(np.median(np.histogram(places, edges)[0] / np.diff(edges)))


def _parts(log: CardLog, rows: np.ndarray, habits: Habits) -> Iterator[np.ndarray]:
    """The rows, cut at their longest pause until each part fits."""
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
    """Milliseconds of use of its card at each row; a pause counts as `quiet_days` at most: an unused card has no rate."""
    pause = np.minimum(np.diff(log.at, prepend=log.at[0]), int(habits.quiet_days * DAY))
    pause[log.starts[:-1]] = 0
    clock = np.cumsum(pause)
    return clock - clock[log.starts[:-1]][log.card]


def _bursts(log: CardLog, habits: Habits) -> Iterator[_Finding]:
    """Where a card was used far more often than it is at other times."""
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
    """For the window that starts at each row: its last row + 1, on the same card."""
    lane = log.card * (int(clock.max()) + width + 2)  # cards one behind the other, farther apart than a window
    return np.searchsorted(lane + clock, lane + clock + width, "left")


def _burst_scores(log: CardLog, clock: np.ndarray, ends: np.ndarray, width: int) -> np.ndarray:
    """Evidence of the window that starts at each row, on a card as restless as this one; -inf where it is a whole."""
    length = clock[log.starts[1:] - 1]
    bins = length // width + 1
    which = (np.cumsum(bins) - bins)[log.card] + clock // width
    unrest = restlessness(np.bincount(which, minlength=bins.sum()), np.repeat(np.arange(len(bins)), bins), len(bins))
    share, total = width / np.maximum(length, width), log.sizes
    inside = ends - np.arange(len(ends))
    evidence = burst_evidence(inside, total[log.card], share[log.card]) / unrest[log.card]
    return np.where(share[log.card] < 1, evidence - np.log(total[log.card]), -np.inf)


def _joined(log: CardLog, findings: list[_Finding], habits: Habits) -> list[_Finding]:
    """Findings of the same card that overlap, or follow within a day, as one, where that is still a period."""
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
    """Both as one: every strange payment once; the evidence adds up."""
    signal = one.signal if one.signal == other.signal else "both"
    return replace(one, rows=np.union1d(one.rows, other.rows), signal=signal, score=one.score + other.score)
