"""A promotion replayed over the past: what it would have cost, had everybody bought the same all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from workshop.domain.retail.tills import LineSold


@dataclass(frozen=True)
class Promotion:
    """So many percent off every basket from so many cents on."""

    percent: int
    from_cents: int

    def discount(self, basket_cents: int) -> int:
        """What is given back, in whole cents, rounded down."""
        return basket_cents * self.percent // 100 if basket_cents >= self.from_cents else 0


@dataclass(frozen=True)
class WhatIf:
    """What a promotion would have done.

    Attributes:
        baskets, rewarded: all, and those that would have got something.
        sales_cents, given_cents: what was sold, and what of it would have been given back.
        close: baskets that lie less than a fifth below the threshold: who might have bought more for it.
    """

    baskets: int
    rewarded: int
    sales_cents: int
    given_cents: int
    close: int


def what_if(lines: Iterable[LineSold], promotion: Promotion) -> WhatIf:
    """Replay a promotion over the log. It knows what people bought, and not what they would have bought."""
    baskets: Counter[int] = Counter()
    for line in lines:
        baskets[line.basket] += line.cents
    given = [promotion.discount(cents) for cents in baskets.values()]
    close = sum(4 * promotion.from_cents <= 5 * cents < 5 * promotion.from_cents for cents in baskets.values())
    return WhatIf(len(baskets), sum(cut > 0 for cut in given), baskets.total(), sum(given), close)
