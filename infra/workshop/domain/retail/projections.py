"""What each reader makes of the same lines. None of them asks another, and each can be thrown away and made again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workshop.domain.retail.tills import LineSold


@dataclass(frozen=True)
class Sums:
    """What the shop sold: lines, baskets, households, products, cents, and the lines whose quantity is 0."""

    lines: int
    baskets: int
    households: int
    products: int
    cents: int
    quantity_zero: int


def sums(lines: Iterable[LineSold]) -> Sums:
    """The whole log in six numbers."""
    lines = list(lines)
    return Sums(
        len(lines),
        len({line.basket for line in lines}),
        len({line.household for line in lines}),
        len({line.product for line in lines}),
        sum(line.cents for line in lines),
        sum(line.quantity == 0 for line in lines),
    )


def customer_value(lines: Iterable[LineSold]) -> Counter[str]:
    """Household to what it has spent, in cents."""
    spent: Counter[str] = Counter()
    for line in lines:
        spent[line.household] += line.cents
    return spent


def best_sellers(lines: Iterable[LineSold], count: int = 10) -> list[tuple[str, int]]:
    """The products in the most baskets, with how many; pieces say little where fuel is counted in them too."""
    baskets = Counter(product for product, _ in {(line.product, line.basket) for line in lines})
    return sorted(baskets.items(), key=lambda pair: (-pair[1], pair[0]))[:count]


@dataclass(frozen=True)
class Cohorts:
    """Households by the month of their first purchase, and how many of them bought again.

    Attributes:
        months: the months in which any household bought first, as 2017-01.
        size: month to the number of households that bought first then.
        active: pairs of first month and months later (0: the month itself) to the number of households that bought then.
        last: the last month that the log holds to its end: what came later is not known.
    """

    months: tuple[str, ...]
    size: dict[str, int]
    active: dict[tuple[str, int], int]
    last: str

    def retained(self, month: str, later: int) -> float | None:
        """The share of a cohort that bought so many months later; None where the log does not reach."""
        if _number(month) + later > _number(self.last):
            return None
        return self.active.get((month, later), 0) / self.size[month]


def cohorts(lines: Iterable[LineSold]) -> Cohorts:
    """Sort households by their first month; a household that was a customer before the log begins counts from its begin."""
    lines = list(lines)
    bought: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        bought[line.household].add(f"{line.at:%Y-%m}")
    active: Counter[tuple[str, int]] = Counter()
    for months in bought.values():
        first = min(months)
        active.update((first, _number(month) - _number(first)) for month in months)
    size = {month: count for (month, later), count in sorted(active.items()) if later == 0}
    end = max((line.at for line in lines), default=None)
    return Cohorts(tuple(size), size, dict(active), _last_whole_month(end) if end else "")


def _last_whole_month(end: datetime) -> str:
    """The month before that of the next day: of 2018-01-01 and of 2017-12-31 it is 2017-12."""
    following = end + timedelta(days=1)
    return f"{following.replace(day=1) - timedelta(days=1):%Y-%m}"


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7])
