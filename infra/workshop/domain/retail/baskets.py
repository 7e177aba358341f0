"""A basket as a fold over its events: filled, then ordered or abandoned.

A table of orders does not contain abandoned baskets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce

IDLE = timedelta(minutes=30)  # after which a basket counts as abandoned


@dataclass(frozen=True)
class PutIn:
    """A command: add pieces of an article at a price per piece; a negative number removes pieces."""

    article: str
    pieces: int
    cents: int
    at: datetime


@dataclass(frozen=True)
class CheckOut:
    """A command: buy the content of the basket."""

    at: datetime


@dataclass(frozen=True)
class GiveUp:
    """A command: abandon the basket if it has been idle for too long.

    The time comes with the command, because `decide` has no clock.
    """

    at: datetime


@dataclass(frozen=True)
class ItemPut:
    """Pieces were added or removed."""

    article: str
    pieces: int
    cents: int
    at: datetime


@dataclass(frozen=True)
class BasketOrdered:
    """The basket was bought at this price."""

    cents: int
    at: datetime


@dataclass(frozen=True)
class BasketAbandoned:
    """The basket was abandoned; `cents` is its value."""

    cents: int
    at: datetime


Event = ItemPut | BasketOrdered | BasketAbandoned


@dataclass(frozen=True)
class Basket:
    """The state of a basket.

    Attributes:
        pieces: article to number of pieces, above 0.
        cents: the value of the content.
        touched: the time at which pieces were last added or removed.
        ended: whether the basket was ordered or abandoned.
    """

    pieces: Mapping[str, int] = field(default_factory=dict)
    cents: int = 0
    touched: datetime | None = None
    ended: bool = False


def decide(basket: Basket, command: PutIn | CheckOut | GiveUp) -> list[Event]:
    """Return the events that answer a command; none if it changes nothing."""
    if basket.ended:
        return []
    if isinstance(command, PutIn):
        enough = basket.pieces.get(command.article, 0) + command.pieces >= 0
        put = ItemPut(command.article, command.pieces, command.cents, command.at)
        return [put] if enough and command.pieces else []
    if not basket.pieces:
        return []
    if isinstance(command, CheckOut):
        return [BasketOrdered(basket.cents, command.at)]
    idle = basket.touched is not None and command.at - basket.touched >= IDLE
    return [BasketAbandoned(basket.cents, command.at)] if idle else []


def evolve(basket: Basket, event: Event) -> Basket:
    """Return the basket after an event."""
    if not isinstance(event, ItemPut):
        return replace(basket, ended=True)
    pieces = {**basket.pieces, event.article: basket.pieces.get(event.article, 0) + event.pieces}
    left = {article: count for article, count in pieces.items() if count > 0}
    return Basket(left, basket.cents + event.pieces * event.cents, event.at)


def fold(events: Iterable[Event], basket: Basket | None = None) -> Basket:
    """Return the basket after all of these events."""
    return reduce(evolve, events, basket or Basket())
