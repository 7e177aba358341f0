"""A basket as a fold over its events: filled, then ordered or abandoned. A table of orders knows nothing of the latter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce

IDLE = timedelta(minutes=30)  # after which a basket counts as abandoned


@dataclass(frozen=True)
class PutIn:
    """A command: so many pieces (below zero: taken out again) of an article, at a price each."""

    article: str
    pieces: int
    cents: int
    at: datetime


@dataclass(frozen=True)
class CheckOut:
    """A command: buy what is in it."""

    at: datetime


@dataclass(frozen=True)
class GiveUp:
    """A command: look whether the basket stands idle for too long. Time comes with the command; `decide` has no clock."""

    at: datetime


@dataclass(frozen=True)
class ItemPut:
    """So many pieces were put in, or taken out."""

    article: str
    pieces: int
    cents: int
    at: datetime


@dataclass(frozen=True)
class BasketOrdered:
    """It was bought, for so much."""

    cents: int
    at: datetime


@dataclass(frozen=True)
class BasketAbandoned:
    """Nobody came back; this is what lay in it."""

    cents: int
    at: datetime


Event = ItemPut | BasketOrdered | BasketAbandoned


@dataclass(frozen=True)
class Basket:
    """What a basket's past comes to.

    Attributes:
        pieces: article to pieces, those above zero.
        cents: what it is worth.
        touched: when something was last put in or taken out.
        ended: whether it was ordered or abandoned.
    """

    pieces: Mapping[str, int] = field(default_factory=dict)
    cents: int = 0
    touched: datetime | None = None
    ended: bool = False


def decide(basket: Basket, command: PutIn | CheckOut | GiveUp) -> list[Event]:
    """The events that a command leads to; none where it changes nothing."""
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
    """The basket after an event."""
    if not isinstance(event, ItemPut):
        return replace(basket, ended=True)
    pieces = {**basket.pieces, event.article: basket.pieces.get(event.article, 0) + event.pieces}
    left = {article: count for article, count in pieces.items() if count > 0}
    return Basket(left, basket.cents + event.pieces * event.cents, event.at)


def fold(events: Iterable[Event], basket: Basket | None = None) -> Basket:
    """The basket after all of these events."""
    return reduce(evolve, events, basket or Basket())
