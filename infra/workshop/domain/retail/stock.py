"""The stock of one article as a fold over its events: `decide` never lets it fall below zero, if one alone decides.

What `decide` is told must be the article's whole past. Two who decide at once, each on the past that it has read, both say
yes to the last piece: see the lesson.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Self


class AboutAnArticle:
    """What is sent about an article: under its name, so that whoever decides about the article finds all of it."""

    article: str

    def key(self) -> bytes:
        """The Kafka key."""
        return self.article.encode()

    def value(self) -> bytes:
        """The Kafka value, as JSON."""
        return json.dumps({"type": type(self).__name__, **vars(self)}).encode()


@dataclass(frozen=True)
class ReceiveStock:
    """A command: a delivery came in."""

    article: str
    pieces: int
    reference: str


@dataclass(frozen=True)
class PlaceOrder(AboutAnArticle):
    """A command: somebody wants so many pieces; `reference` names the order."""

    article: str
    pieces: int
    reference: str

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Read the command back."""
        told = json.loads(value)
        return cls(told["article"], told["pieces"], told["reference"])


@dataclass(frozen=True)
class CancelOrder:
    """A command: an order is given up; its pieces may be sold to somebody else."""

    article: str
    reference: str


@dataclass(frozen=True)
class StockEvent(AboutAnArticle):
    """Something happened to an article's stock: so many pieces, because of a delivery or an order."""

    article: str
    pieces: int
    reference: str


class StockReceived(StockEvent):
    """The pieces lie in the shop."""


class StockReserved(StockEvent):
    """The pieces are promised to an order."""


class StockReleased(StockEvent):
    """An order was given up: its pieces are free again."""


class OrderRefused(StockEvent):
    """There were not enough pieces; nothing was promised."""


EVENTS = {kind.__name__: kind for kind in (StockReceived, StockReserved, StockReleased, OrderRefused)}


def parse(value: bytes) -> StockEvent:
    """Read an event back."""
    told = json.loads(value)
    return EVENTS[told["type"]](told["article"], told["pieces"], told["reference"])


@dataclass(frozen=True)
class Stock:
    """What an article's past comes to.

    Attributes:
        available: pieces that can still be promised; below zero only if somebody promised what was not there.
        promised: pairs of an order and its pieces, for orders that are not given up.
        handled: deliveries and orders that were answered, so that one that comes twice counts once.
    """

    available: int = 0
    promised: frozenset[tuple[str, int]] = frozenset()
    handled: frozenset[str] = frozenset()


def decide(stock: Stock, command: ReceiveStock | PlaceOrder | CancelOrder) -> list[StockEvent]:
    """The events that a command leads to; none if it was answered before, or there is nothing to give up.

    Raises:
        ValueError: somebody delivers or orders less than one piece.
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
    """The stock after an event. It asks nothing: what was promised was promised."""
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
    """One article's stock after all of these events."""
    return reduce(evolve, events, stock or Stock())


def stocks(events: Iterable[StockEvent]) -> dict[str, Stock]:
    """Article to stock."""
    found: dict[str, Stock] = {}
    for event in events:
        found[event.article] = evolve(found.get(event.article, Stock()), event)
    return found
