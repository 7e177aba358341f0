"""Names of a payment's features and the lengths of their windows, without numpy for light services."""

from __future__ import annotations

from typing import NamedTuple

DAY = 86_400_000  # milliseconds
HOUR = 3_600_000  # milliseconds
DELAY = 7 * DAY  # a terminal's risk is computed from payments of at least this age, as published
CARD_DAYS, TERMINAL_DAYS, REPORT_DAYS = (1, 7, 30), (1, 7, 14, 21, 30), 30
OLD_DELAY, OLD_DAYS = 28 * DAY, 9  # the oldest part of the terminal's windows: payments 28 to 37 days ago
OUTLIER_DAYS = (7, 14)
FEW = 5  # the number of earlier purchases from which a card's habit is judged
OUTLIER = 3  # a multiple of the mean of the card's earlier purchases
LARGEST = 10**12  # cents: sums of millions of rows stay within 64 bits


class Features(NamedTuple):
    """The features of a payment, all finite floats.

    The first fifteen are the published ones (Handbook, chapter 3). A card's windows include the payment itself; a terminal's
    windows end 7 days before it. Purchases are payments above 0.
    """

    amount: float  # euros; negative for a refund
    weekend: float  # 1 on Saturday and Sunday (UTC)
    night: float  # 1 before 07:00
    card_payments_1d: float
    card_mean_1d: float  # euros, refunds included
    card_payments_7d: float
    card_mean_7d: float
    card_payments_30d: float
    card_mean_30d: float
    terminal_payments_1d: float
    terminal_risk_1d: float  # share of these payments reported as fraud by now; 0 without payments
    terminal_payments_7d: float
    terminal_risk_7d: float
    terminal_payments_30d: float
    terminal_risk_30d: float
    # Features of the workshop. The amount relative to the card's past:
    card_purchases: float  # earlier ones, ever
    amount_ratio: float  # amount / mean of the earlier purchases; 1 without any
    amount_z: float  # (amount - mean) / standard deviation (at least 10 % of the mean); 0 for fewer than FEW purchases
    # Earlier payments of the card above OUTLIER times its mean at that time: a stolen card is used repeatedly.
    card_outliers_7d: float
    card_outliers_14d: float
    # The duration and the age of the terminal's frauds: a compromise ends.
    terminal_risk_14d: float
    terminal_risk_21d: float
    terminal_risk_old: float  # of the payments 28 to 37 days ago
    terminal_reports_30d: float  # frauds at the terminal, of any age, that became known in these days


NAMES = Features._fields
PUBLISHED = NAMES[:15]


def check_amount(largest: int) -> None:
    """Refuse amounts whose sums could exceed 64 bits.

    Raises:
        ValueError: the amount is above 10^12 cents.
    """
    if largest > LARGEST:
        raise ValueError(f"An amount of {largest} cents is too large: the limit is {LARGEST}.")
