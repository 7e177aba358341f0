"""Projections of the sold lines. They are independent, and each can be deleted and recomputed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workshop.domain.retail.tills import LineSold


@dataclass(frozen=True)
class Sums:
    """The shop's sales: lines, baskets, households, products, cents, and lines with quantity 0."""

    lines: int
    baskets: int
    households: int
    products: int
    cents: int
    quantity_zero: int


def sums(lines: Iterable[LineSold]) -> Sums:
    """Return the six totals of a log."""
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
    """Return the spending of each household in cents."""
    spent: Counter[str] = Counter()
    for line in lines:
        spent[line.household] += line.cents
    return spent


def best_sellers(lines: Iterable[LineSold], count: int = 10) -> list[tuple[str, int]]:
    """Return the products that are in the most baskets, with the number of baskets.

    Pieces are no useful measure, because units of fuel are counted as pieces too.
    """
    baskets = Counter(product for product, _ in {(line.product, line.basket) for line in lines})
    return sorted(baskets.items(), key=lambda pair: (-pair[1], pair[0]))[:count]


@dataclass(frozen=True)
class Cohorts:
    """Households by the month of their first purchase, with the numbers of later buyers.

    Attributes:
        months: the months with a first purchase of any household, as 2017-01.
        size: month to the number of households with their first purchase in it.
        active: pairs of first month and months later (0: the month itself) to the number of households that bought then.
        last: the last month that the log covers completely.
    """

    months: tuple[str, ...]
    size: dict[str, int]
    active: dict[tuple[str, int], int]
    last: str

    def retained(self, month: str, later: int) -> float | None:
        """Return the share of a cohort that bought this many months later; None after the log's last month."""
        if _number(month) + later > _number(self.last):
            return None
        return self.active.get((month, later), 0) / self.size[month]


def cohorts(lines: Iterable[LineSold]) -> Cohorts:
    """Group households by the month of their first purchase in the log.

    Earlier purchases are not in the log, so older customers count from its beginning.
    """
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
    """Return the last complete month: 2017-12 for an end on 2017-12-31 or on 2018-01-01."""
    following = end + timedelta(days=1)
    return f"{following.replace(day=1) - timedelta(days=1):%Y-%m}"


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7])
