"""The features of `features`, one event at a time, for services that receive payments and reports.

The state of a card or terminal consists of the entries of its longest window and a few totals. Totals only grow (Python's
integers). Each entry of a window contains the totals at its time, so that a window's sum is the current total minus the total
of the last entry that is too old: what `windows` does with cumulative sums.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Hashable
from datetime import UTC, datetime, timedelta

from workshop.domain.fraud.feature_names import (
    CARD_DAYS,
    DAY,
    DELAY,
    FEW,
    HOUR,
    OLD_DAYS,
    OLD_DELAY,
    OUTLIER,
    OUTLIER_DAYS,
    REPORT_DAYS,
    TERMINAL_DAYS,
    Features,
    check_amount,
)

_CARD_AGES = [days * DAY for days in sorted({*CARD_DAYS, *OUTLIER_DAYS})]
_CARD_STEPS = [_CARD_AGES.index(days * DAY) for days in CARD_DAYS]
_OUTLIER_STEPS = [_CARD_AGES.index(days * DAY) for days in OUTLIER_DAYS]
_RISKS = [*((days * DAY, DELAY) for days in TERMINAL_DAYS), (OLD_DAYS * DAY, OLD_DELAY)]  # (width, delay)
_TERMINAL_AGES = sorted({DELAY, *(width + delay for width, delay in _RISKS), OLD_DELAY})
_RISK_STEPS = [(_TERMINAL_AGES.index(delay), _TERMINAL_AGES.index(delay + width)) for width, delay in _RISKS]
_EPOCH, _MILLISECOND = datetime(1970, 1, 1), timedelta(milliseconds=1)


def milliseconds(at: datetime) -> int:
    """Return a time (naive means UTC) in whole milliseconds since 1970, rounded down."""
    naive = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return (naive - _EPOCH) // _MILLISECOND


class _Ages:
    """Entries ordered by age; `passed` has, for each of some ages, the latest entry of at least that age."""

    __slots__ = ("_ages", "_stages", "passed")

    def __init__(self, ages: list[int], nothing: tuple) -> None:
        self._ages = ages
        self._stages: list[deque[tuple]] = [deque() for _ in ages]
        self.passed = [nothing] * len(ages)

    def add(self, entry: tuple) -> None:
        """Add the newest entry: (time, totals...)."""
        self._stages[0].append(entry)

    def advance(self, now: int) -> None:
        """Advance the time; entries older than the oldest age are dropped."""
        stages, last = self._stages, len(self._stages) - 1
        for step, age in enumerate(self._ages):
            stage, until = stages[step], now - age
            while stage and stage[0][0] <= until:
                entry = stage.popleft()
                self.passed[step] = entry
                if step < last:
                    stages[step + 1].append(entry)

    def __len__(self) -> int:
        return sum(len(stage) for stage in self._stages)


class _Card:
    """The state of a card: entries of its last 30 days, and totals of its purchases.

    An entry is (time, payments, cents, outliers), with the totals so far.
    """

    __slots__ = ("cents", "outliers", "payments", "purchases", "recent", "spent", "squares")

    def __init__(self) -> None:
        self.recent = _Ages(_CARD_AGES, (0, 0, 0, 0))
        self.payments = self.cents = self.outliers = 0
        self.purchases = self.spent = self.squares = 0

    def __len__(self) -> int:
        return len(self.recent)

    def pay(self, at: int, cents: int) -> tuple[list[float], list[float]]:
        """Add a payment; return the published features and the workshop's, in the order of `Features`."""
        self.recent.advance(at)
        own, outlier = self._against_past(cents), self._is_outlier(cents)
        passed = self.recent.passed
        own += [float(self.outliers - passed[step][3]) for step in _OUTLIER_STEPS]
        self._add(at, cents, outlier)
        published = []
        for step in _CARD_STEPS:
            count = self.payments - passed[step][1]
            published += [float(count), float(self.cents - passed[step][2]) / count / 100]
        return published, own

    def _against_past(self, cents: int) -> list[float]:
        """Return the number of earlier purchases, and the amount's ratio and z-score relative to them."""
        count, total = self.purchases, self.spent
        if not count:
            return [0.0, 1.0, 0.0]
        ratio = float(cents * count) / float(total)
        if count < FEW:
            return [float(count), ratio, 0.0]
        deviation = math.sqrt(float(count * self.squares - total * total))
        return [float(count), ratio, float(count * cents - total) / max(deviation, float(total) / 10)]

    def _is_outlier(self, cents: int) -> bool:
        return self.purchases >= FEW and cents * self.purchases > OUTLIER * self.spent

    def _add(self, at: int, cents: int, outlier: bool) -> None:
        self.payments += 1
        self.cents += cents
        self.outliers += outlier
        self.recent.add((at, self.payments, self.cents, self.outliers))
        if cents > 0:
            self.purchases += 1
            self.spent += cents
            self.squares += cents * cents


class _Terminal:
    """The state of a terminal: entries of its last 37 days, and the reports that count now or later.

    An entry is (time, payments so far).
    """

    __slots__ = ("_changes", "_frauds", "_known", "payments", "recent")

    def __init__(self) -> None:
        self.recent = _Ages(_TERMINAL_AGES, (0, 0))
        self.payments = 0
        self._frauds = [0] * (len(_RISKS) + 1)  # per window of a risk; the last: recent reports
        self._changes: list[tuple[int, int, int]] = []  # a heap: time, index of the count, change
        self._known: dict[Hashable, int] = {}  # report: time until which it is kept, to detect duplicates

    def __len__(self) -> int:
        return len(self.recent) + len(self._changes) + len(self._known)

    def pay(self, at: int) -> list[float]:
        """Add a payment; return (count, risk) for each window, and the reports of the last 30 days."""
        self._advance(at)
        passed, found = self.recent.passed, []
        for (young, old), frauds in zip(_RISK_STEPS, self._frauds, strict=False):
            count = passed[young][1] - passed[old][1]
            found += [float(count), frauds / max(count, 1)]
        self.payments += 1
        self.recent.add((at, self.payments))
        return [*found, float(self._frauds[-1])]

    def report(self, payment_id: Hashable, paid: int, known: int) -> None:
        """Add a report of a fraud; a duplicate has no effect."""
        if payment_id in self._known:
            return
        known = max(known, paid + 1)
        spans = [(max(paid + delay, known), paid + delay + width) for width, delay in _RISKS]
        spans.append((known, known + REPORT_DAYS * DAY))
        self._known[payment_id] = max(end for _, end in spans)
        for which, (begin, end) in enumerate(spans):
            if begin < end:
                heapq.heappush(self._changes, (begin, which, 1))
                heapq.heappush(self._changes, (end, which, -1))

    def _advance(self, now: int) -> None:
        self.recent.advance(now)
        if not self._changes or self._changes[0][0] > now:
            return
        while self._changes and self._changes[0][0] <= now:
            _, which, change = heapq.heappop(self._changes)
            self._frauds[which] += change
        self._known = {name: until for name, until in self._known.items() if until > now}


class FeatureStream:
    """Features of events as they arrive.

    Times are whole milliseconds since 1970 (`milliseconds`), in ascending order. A report that arrives after a payment does
    not change the features already returned for it: add known reports first.
    """

    def __init__(self) -> None:
        self._cards: dict[Hashable, _Card] = {}
        self._terminals: dict[Hashable, _Terminal] = {}
        self._now: int | None = None

    def report(self, payment_id: Hashable, terminal: Hashable | None, paid_at: int, at: int) -> None:
        """Add a report that a payment at this terminal, made at `paid_at`, was a fraud.

        The report counts from `at` on, which may be in the future. A duplicate has no effect; of several reports for one
        payment, the first that arrived counts.
        """
        if terminal is not None:
            self._terminal(terminal).report(payment_id, paid_at, at)

    def payment(self, customer: Hashable, terminal: Hashable | None, at: int, cents: int) -> Features:
        """Add a payment and return its features, equal to those of `features.features` for the same log.

        Raises:
            ValueError: the payment is older than the previous one, or above 10^12 cents; the state is unchanged then.
        """
        check_amount(abs(cents))
        if self._now is not None and at < self._now:
            raise ValueError(f"A payment of {at} came after one of {self._now}: feed them in order of time.")
        self._now = at
        if (card := self._cards.get(customer)) is None:
            card = self._cards[customer] = _Card()
        published, own = card.pay(at, cents)
        terminals = self._terminal(terminal).pay(at) if terminal is not None else _NO_TERMINAL
        moment = [cents / 100, float((at // DAY + 3) % 7 >= 5), float(at // HOUR % 24 <= 6)]
        return _in_order(moment, published, own, terminals)

    def held(self) -> int:
        """Return the number of entries in all windows, which determines the size of the state."""
        return sum(map(len, self._cards.values())) + sum(map(len, self._terminals.values()))

    def _terminal(self, name: Hashable) -> _Terminal:
        if (found := self._terminals.get(name)) is None:
            found = self._terminals[name] = _Terminal()
        return found


_NO_TERMINAL = [0.0] * (2 * len(_RISKS) + 1)


def _in_order(moment: list, published: list, own: list, terminal: list) -> Features:
    """Return the features in their order, from parts.

    A terminal's part has count and risk for 1, 7, 14, 21 and 30 days and for the old payments, then the reports.
    """
    n1, r1, n7, r7, _, r14, _, r21, n30, r30, _, old, reports = terminal
    return Features._make((*moment, *published, n1, r1, n7, r7, n30, r30, *own, r14, r21, old, reports))
