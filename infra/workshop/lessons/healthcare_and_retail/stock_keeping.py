"""Lesson 10, who may decide about the last piece: everybody who has read the log, or one reader of its partition."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from kafka import KafkaProducer

from workshop.base.errors import WorkshopError
from workshop.domain.retail.stock import (
    PlaceOrder,
    Stock,
    StockEvent,
    StockReceived,
    decide,
    evolve,
    fold,
    parse,
    stocks,
)
from workshop.kafka import consume
from workshop.notebook.connection import Connection

PATIENCE = 60.0  # seconds
ARTICLE = "last-of-its-kind"
BUYERS = ("Ada", "Bob")
STOCK = {"cocoa": 5, "coffee": 7, "tea": 9}
WANTED = {"cocoa": 14, "coffee": 16, "tea": 20}  # pieces, an order each: fifty


def race(ws: Connection) -> list[StockEvent]:
    """Two buyers want the last piece. Each reads the log, decides by it, and writes; both read before either writes."""
    shop = Shop(ws, {ARTICLE: 1})
    both_have_read = threading.Barrier(len(BUYERS), timeout=PATIENCE)

    def buy(buyer: str) -> None:
        seen = fold(shop.events(ARTICLE))
        both_have_read.wait()
        shop.write(decide(seen, PlaceOrder(ARTICLE, 1, buyer)))

    _at_once(partial(buy, buyer) for buyer in BUYERS)
    return shop.events(ARTICLE)


def one_writer(ws: Connection) -> list[StockEvent]:
    """The same two buyers send orders under the article's key; whoever reads that partition decides, one after the other."""
    shop = Shop(ws, {ARTICLE: 1})
    _at_once(partial(shop.order, [PlaceOrder(ARTICLE, 1, buyer)]) for buyer in BUYERS)
    shop.decide_all()
    return shop.events(ARTICLE)


@dataclass(frozen=True)
class Decision:
    """An event of the stock, and which of the deciders wrote it."""

    event: StockEvent
    decider: int


class Shop:
    """A shop's two topics: `orders`, which customers write, and `decisions`, which the deciders write.

    There is a decider for each partition of `orders`. It knows the opening stock of every article and what it decided
    itself, and nothing of what the others decide.
    """

    def __init__(self, ws: Connection, stock: Mapping[str, int] | None = None) -> None:
        self._ws = ws
        self.orders, self.decisions = ws.fresh_topic("orders"), ws.fresh_topic("decisions")
        self.write(StockReceived(name, count, f"opening-{name}") for name, count in (stock or STOCK).items())

    def __repr__(self) -> str:
        return f"a shop: orders in {self.orders}, decisions in {self.decisions}"

    def events(self, article: str) -> list[StockEvent]:
        """What happened to an article's stock, as of now."""
        return [one.event for one in self.decided() if one.event.article == article]

    def stock(self) -> dict[str, int]:
        """Article to pieces that can still be promised, as of now."""
        return {name: found.available for name, found in stocks(one.event for one in self.decided()).items()}

    def decided(self) -> list[Decision]:
        """Every decision as of now; its partition is that of whoever decided."""
        return [Decision(parse(r.value), r.partition) for r in consume.read_all(self._ws, self.decisions)]

    def ordered(self) -> list[tuple[int, PlaceOrder]]:
        """Every order as of now, with its partition."""
        return [(r.partition, PlaceOrder.parse(r.value)) for r in consume.read_all(self._ws, self.orders)]

    def write(self, events: Iterable[StockEvent], partition: int | None = None) -> None:
        """Write decisions, past all deciders if no partition is named."""
        self._send(self.decisions, events, partition)

    def order(self, orders: Iterable[PlaceOrder]) -> None:
        """Send orders under their articles."""
        self._send(self.orders, orders, None)

    def decide_all(self) -> None:
        """Let a decider for each partition answer the orders that have no answer yet; all of them at the same time."""
        numbers = consume.partitions_of(self._ws, self.orders)
        _at_once(partial(self._decide, number) for number in numbers)

    def _decide(self, number: int) -> None:
        """The decider of one partition: learns its own past, then answers order after order."""
        mine = [d.event for d in self.decided() if d.decider == number or isinstance(d.event, StockReceived)]
        known, answers = stocks(mine), []
        for record in consume.read_partitions(self._ws.kafka, self.orders, [number]):
            order = PlaceOrder.parse(record.value)
            for event in decide(known.get(order.article, Stock()), order):
                known[order.article] = evolve(known.get(order.article, Stock()), event)
                answers.append(event)
        self.write(answers, number)

    def _send(self, topic: str, messages: Iterable[StockEvent | PlaceOrder], partition: int | None) -> None:
        with closing(KafkaProducer(**self._ws.kafka, acks="all")) as producer:
            sent = [producer.send(topic, key=m.key(), value=m.value(), partition=partition) for m in messages]
            for future in sent:
                future.get(timeout=PATIENCE)


def fifty_orders() -> list[PlaceOrder]:
    """Fifty customers, a piece each, the articles mixed: more than there is of any of them."""
    left = dict(WANTED)
    orders: list[PlaceOrder] = []
    while any(left.values()):
        for article in [name for name, count in left.items() if count]:
            left[article] -= 1
            orders.append(PlaceOrder(article, 1, f"order-{len(orders) + 1:02d}"))
    return orders


def _at_once(works: Iterable[Callable[[], None]]) -> None:
    """Do several things at the same time; what goes wrong in one of them is raised here."""
    troubles: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as trouble:  # told in the thread that waits
            troubles.append(trouble)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for trouble in troubles:
        if isinstance(trouble, threading.BrokenBarrierError):
            raise WorkshopError("One of the buyers could not read the log in time.", "Run the cell again.")
        raise trouble
