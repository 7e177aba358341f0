"""Lines of a till's receipts, read exactly: whole cents, whole basket numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from workshop.domain.amounts import POINT, Unreadable, cents
from workshop.domain.event_logs import LoggedEvent, MalformedLogEvent


@dataclass(frozen=True)
class LineSold:
    """A line of a receipt.

    Attributes:
        basket: the number of the purchase.
        household, product: the buyer and the article.
        quantity: pieces; other units for fuel and goods sold by measure. 0 if the till recorded 0.
        cents: the shop's revenue in cents of a dollar.
        at: the time of the receipt.
    """

    basket: int
    household: str
    product: str
    quantity: int
    cents: int
    at: datetime


def line_sold(logged: LoggedEvent) -> LineSold:
    """Return an event of the log as a line of a receipt; its case is the basket.

    Raises:
        MalformedLogEvent: a number is invalid, or a field is missing.
    """
    try:
        fields = logged.fields
        basket, quantity = _whole(logged.case), _whole(fields["quantity"])
        return LineSold(
            basket,
            fields["household_id"],
            fields["product_id"],
            quantity,
            cents(fields["sales_value"], POINT),
            logged.at,
        )
    except (KeyError, Unreadable) as error:
        raise MalformedLogEvent(f"it is no line of a receipt: {error}") from None


def lines_sold(log: Iterable[LoggedEvent]) -> list[LineSold]:
    """Return all lines in order of time; the lines of a receipt stay in the log's order."""
    return sorted(map(line_sold, log), key=lambda line: line.at)


def _whole(text: str) -> int:
    """Return a whole number, also from a text such as 1.0 or 4.0128e+10."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise MalformedLogEvent(f"{text!r} is not a number") from None
    if not number.is_finite() or number != number.to_integral_value() or abs(number) >= Decimal(10) ** 18:
        raise MalformedLogEvent(f"{text!r} is not a whole number")
    return int(number)
