"""Real-time rules: each flags a payment by its features, with the reason in words.

The frequency and the precision of each rule were measured on the published set, on the days before its test week
(2018-06-01 to 2018-08-07: 9,600 payments per day, 85 of them fraudulent, reports after 7 days):

| rule | flags per day | of them fraud | share of all frauds found |
|---|---|---|---|
| large amount | 17.5 | 1.00 | .21 |
| unlike its past | 18.4 | .98 | .21 (.69 of the compromised cards' frauds) |
| many payments | 2.2 | .01 | .00 (this simulator has no such fraud; real cards do) |
| reported terminal | 54.7 | .62 | .40 (.64 of the compromised terminals' frauds) |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from workshop.domain.fraud.feature_names import FEW, Features

LARGE = 220.0  # euros: the published simulator labels every payment above it as fraud (scenario 1)
RATIO, Z = 3.0, 3.0  # see `unlike_its_past`
SPREADS = 5.0  # standard deviations of a Poisson count: for a card with one payment per day, 7 payments or more
SHARE, REPORTS = 0.5, 2  # at least half of a terminal's known payments, and more than one report


@dataclass(frozen=True)
class Flag:
    """The flag of a rule: its name, and the reason in words for the person who decides."""

    rule: str
    because: str


def large_amount(seen: Features) -> str | None:
    """Return a reason if the amount is above `LARGE` euros."""
    return f"{seen.amount:,.2f} € is more than {LARGE:,.0f} €." if seen.amount > LARGE else None


def unlike_its_past(seen: Features) -> str | None:
    """Return a reason if the amount is far above the card's earlier purchases.

    It must be at least `RATIO` times their mean, and `Z` of their standard deviations above it. The ratio alone would flag
    cards whose amounts always vary, the z-score alone cards whose amounts hardly do. At a ratio of 2.5, 28 % of the flags are
    false; at 3, 2 %; above it only frauds are lost. Cards with fewer than `FEW` purchases have no habit yet.
    """
    if seen.card_purchases < FEW or seen.amount_ratio < RATIO or seen.amount_z < Z:
        return None
    return (
        f"{seen.amount:,.2f} € is {seen.amount_ratio:.1f} times the mean of this card's {seen.card_purchases:,.0f} earlier "
        f"purchases, {seen.amount_z:.1f} standard deviations above it."
    )


def many_payments(seen: Features) -> str | None:
    """Return a reason for more payments in a day than chance explains.

    The limit is `SPREADS` Poisson deviations above the card's 30-day mean. A mean below one payment per day counts as one in
    the deviation: two payments on one day are no alarm.
    """
    usual = seen.card_payments_30d / 30
    if seen.card_payments_1d <= usual + SPREADS * math.sqrt(max(usual, 1.0)):
        return None
    return f"{seen.card_payments_1d:.0f} payments in 24 hours; this card's mean over 30 days is {usual:.1f} per day."


def reported_terminal(seen: Features) -> str | None:
    """Return a reason if many of the terminal's payments are reported frauds.

    The limits are `SHARE` of the payments of 7 to 14 days ago, and `REPORTS` reports in 30 days. The share is that of a week,
    not of a month: a terminal stays compromised for 28 days, and a month's share would keep flagging after the end (of such
    flags, 23 % are right).
    """
    if seen.terminal_risk_7d < SHARE or seen.terminal_reports_30d < REPORTS:
        return None
    return (
        f"{seen.terminal_reports_30d:.0f} frauds were reported at this terminal in 30 days: "
        f"{seen.terminal_risk_7d:.0%} of its payments of 7 to 14 days ago."
    )


RULES: dict[str, Callable[[Features], str | None]] = {
    "large amount": large_amount,
    "unlike its past": unlike_its_past,
    "many payments": many_payments,
    "reported terminal": reported_terminal,
}


def judge(seen: Features) -> list[Flag]:
    """Return the flags of a payment in the order of `RULES`; most payments have none."""
    spoken = ((name, rule(seen)) for name, rule in RULES.items())
    return [Flag(name, because) for name, because in spoken if because]
