"""The stock of one article as a fold over its events; with one decider it never falls below zero.

`decide` needs the article's complete past. Two deciders at the same time, each with the past that it has read, both sell the
last piece: see the lesson.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Self


class AboutAnArticle:
    """A message about an article. The article is the key, so that its decider receives all messages."""

    article: str

    def key(self) -> bytes:
        """Return the Kafka key."""
        return self.article.encode()

    def value(self) -> bytes:
        """Return the Kafka value, as JSON."""
        return json.dumps({"type": type(self).__name__, **vars(self)}).encode()


@dataclass(frozen=True)
class ReceiveStock:
    """A command: a delivery arrived."""

    article: str
    pieces: int
    reference: str


@dataclass(frozen=True)
class PlaceOrder(AboutAnArticle):
    """A command: reserve pieces for an order; `reference` names the order."""

    article: str
    pieces: int
    reference: str

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Parse a command from the value of a record."""
        told = json.loads(value)
        return cls(told["article"], told["pieces"], told["reference"])


@dataclass(frozen=True)
class CancelOrder:
    """A command: cancel an order; its pieces become available again."""

    article: str
    reference: str


@dataclass(frozen=True)
class StockEvent(AboutAnArticle):
    """An event of an article's stock: the pieces, and the delivery or order that caused it."""

    article: str
    pieces: int
    reference: str


class StockReceived(StockEvent):
    """The pieces arrived in the shop."""


class StockReserved(StockEvent):
    """The pieces were reserved for an order."""


class StockReleased(StockEvent):
    """An order was cancelled: its pieces are available again."""


class OrderRefused(StockEvent):
    """There were not enough pieces; none was reserved."""


EVENTS = {kind.__name__: kind for kind in (StockReceived, StockReserved, StockReleased, OrderRefused)}


def parse(value: bytes) -> StockEvent:
    """Parse an event from the value of a record."""
    told = json.loads(value)
    return EVENTS[told["type"]](told["article"], told["pieces"], told["reference"])


@dataclass(frozen=True)
class Stock:
    """The state of an article's stock.

    Attributes:
        available: pieces that can still be reserved; negative only if missing pieces were reserved.
        promised: pairs of an order and its pieces, for orders that are not cancelled.
        handled: deliveries and orders that were answered, so that a duplicate has no second effect.
    """

    available: int = 0
    promised: frozenset[tuple[str, int]] = frozenset()
    handled: frozenset[str] = frozenset()


def decide(stock: Stock, command: ReceiveStock | PlaceOrder | CancelOrder) -> list[StockEvent]:
    """Return the events that answer a command; none if it was answered before, or there is no such order.

    Raises:
        ValueError: a delivery or an order has less than one piece.
    """
    if isinstance(command, CancelOrder):
        given_up = [pieces for order, pieces in stock.promised if order == command.reference]
        return [StockReleased(command.article, pieces, command.reference) for pieces in given_up]
    if command.pieces < 1:
        raise ValueError(f"{command.pieces} pieces of {command.article} are none")
    if command.reference in stock.handled:
        return []
    about = (command.article, command.pieces, command.reference)
    if isinstance(command, ReceiveStock):
        return [StockReceived(*about)]
    return [StockReserved(*about) if command.pieces <= stock.available else OrderRefused(*about)]


def evolve(stock: Stock, event: StockEvent) -> Stock:
    """Return the stock after an event, without any check: the event has already happened."""
    handled = stock.handled | {event.reference}
    match event:
        case StockReceived():
            return replace(stock, available=stock.available + event.pieces, handled=handled)
        case StockReserved():
            promised = stock.promised | {(event.reference, event.pieces)}
            return Stock(stock.available - event.pieces, promised, handled)
        case StockReleased():
            promised = stock.promised - {(event.reference, event.pieces)}
            return Stock(stock.available + event.pieces, promised, handled)
        case _:
            return replace(stock, handled=handled)


def fold(events: Iterable[StockEvent], stock: Stock | None = None) -> Stock:
    """Return one article's stock after all of these events."""
    return reduce(evolve, events, stock or Stock())


def stocks(events: Iterable[StockEvent]) -> dict[str, Stock]:
    """Return the stock of each article."""
    found: dict[str, Stock] = {}
    for event in events:
        found[event.article] = evolve(found.get(event.article, Stock()), event)
    return found
