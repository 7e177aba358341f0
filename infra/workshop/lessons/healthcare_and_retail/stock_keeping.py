"""Lesson 10, decisions about the last piece: by every client that has read the log, or by one decider."""

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
WANTED = {"cocoa": 14, "coffee": 16, "tea": 20}  # pieces, one per order: fifty orders


def race(ws: Connection) -> list[StockEvent]:
    """Let two buyers order the last piece: both read the log before either of them decides and writes."""
    shop = Shop(ws, {ARTICLE: 1})
    both_have_read = threading.Barrier(len(BUYERS), timeout=PATIENCE)

    def buy(buyer: str) -> None:
        seen = fold(shop.events(ARTICLE))
        both_have_read.wait()
        shop.write(decide(seen, PlaceOrder(ARTICLE, 1, buyer)))

    _at_once(partial(buy, buyer) for buyer in BUYERS)
    return shop.events(ARTICLE)


def one_writer(ws: Connection) -> list[StockEvent]:
    """Let both buyers send orders with the article as key, which one decider answers in turn."""
    shop = Shop(ws, {ARTICLE: 1})
    _at_once(partial(shop.order, [PlaceOrder(ARTICLE, 1, buyer)]) for buyer in BUYERS)
    shop.decide_all()
    return shop.events(ARTICLE)


@dataclass(frozen=True)
class Decision:
    """An event of the stock, and the number of its decider."""

    event: StockEvent
    decider: int


class Shop:
    """A shop with two topics: `orders` from customers, and `decisions` from the deciders.

    There is one decider per partition of `orders`. It reads the opening stock of every article and its own decisions,
    but not the decisions of the others.
    """

    def __init__(self, ws: Connection, stock: Mapping[str, int] | None = None) -> None:
        self._ws = ws
        self.orders, self.decisions = ws.fresh_topic("orders"), ws.fresh_topic("decisions")
        self.write(StockReceived(name, count, f"opening-{name}") for name, count in (stock or STOCK).items())

    def __repr__(self) -> str:
        return f"a shop: orders in {self.orders}, decisions in {self.decisions}"

    def events(self, article: str) -> list[StockEvent]:
        """Return the events of an article's stock up to now."""
        return [one.event for one in self.decided() if one.event.article == article]

    def stock(self) -> dict[str, int]:
        """Return article to available pieces."""
        return {name: found.available for name, found in stocks(one.event for one in self.decided()).items()}

    def decided(self) -> list[Decision]:
        """Return every decision up to now; its partition is the number of its decider."""
        return [Decision(parse(r.value), r.partition) for r in consume.read_all(self._ws, self.decisions)]

    def ordered(self) -> list[tuple[int, PlaceOrder]]:
        """Return every order up to now, with its partition."""
        return [(r.partition, PlaceOrder.parse(r.value)) for r in consume.read_all(self._ws, self.orders)]

    def write(self, events: Iterable[StockEvent], partition: int | None = None) -> None:
        """Write decisions; without a partition, they bypass the deciders."""
        self._send(self.decisions, events, partition)

    def order(self, orders: Iterable[PlaceOrder]) -> None:
        """Send orders with their articles as keys."""
        self._send(self.orders, orders, None)

    def decide_all(self) -> None:
        """Let one decider per partition answer all its orders, at the same time."""
        numbers = consume.partitions_of(self._ws, self.orders)
        _at_once(partial(self._decide, number) for number in numbers)

    def _decide(self, number: int) -> None:
        """Act as the decider of one partition: read its own past, then answer the orders one by one."""
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
    """Return fifty orders of one piece each, with mixed articles: more orders than pieces of each."""
    left = dict(WANTED)
    orders: list[PlaceOrder] = []
    while any(left.values()):
        for article in [name for name, count in left.items() if count]:
            left[article] -= 1
            orders.append(PlaceOrder(article, 1, f"order-{len(orders) + 1:02d}"))
    return orders


def _at_once(works: Iterable[Callable[[], None]]) -> None:
    """Run several functions at the same time; raise the first error of one of them."""
    troubles: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as trouble:  # raised again in the waiting thread
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
