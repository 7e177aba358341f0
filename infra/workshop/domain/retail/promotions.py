"""Replay of a promotion over past sales: its cost if all purchases had been the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from workshop.domain.retail.tills import LineSold


@dataclass(frozen=True)
class Promotion:
    """A discount in percent on every basket of at least `from_cents`."""

    percent: int
    from_cents: int

    def discount(self, basket_cents: int) -> int:
        """Return the discount in whole cents, rounded down."""
        return basket_cents * self.percent // 100 if basket_cents >= self.from_cents else 0


@dataclass(frozen=True)
class WhatIf:
    """The calculated effect of a promotion.

    Attributes:
        baskets, rewarded: the number of all baskets, and of baskets with a discount.
        sales_cents, given_cents: the total sales, and the total discount.
        close: the number of baskets at most a fifth below the threshold, whose buyers might have bought more.
    """

    baskets: int
    rewarded: int
    sales_cents: int
    given_cents: int
    close: int


def what_if(lines: Iterable[LineSold], promotion: Promotion) -> WhatIf:
    """Replay a promotion over the log. The log contains the actual purchases, not those under a promotion."""
    baskets: Counter[int] = Counter()
    for line in lines:
        baskets[line.basket] += line.cents
    given = [promotion.discount(cents) for cents in baskets.values()]
    close = sum(4 * promotion.from_cents <= 5 * cents < 5 * promotion.from_cents for cents in baskets.values())
    return WhatIf(len(baskets), sum(cut > 0 for cut in given), baskets.total(), sum(given), close)
