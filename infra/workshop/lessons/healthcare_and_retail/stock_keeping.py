"""Lesson 10, exercise 2: fifty orders for three articles, and one decider for each partition."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from workshop.domain.retail.stock import (
    PlaceOrder,
    Stock,
    StockEvent,
    StockReceived,
    decide,
    evolve,
    parse,
    stocks,
)
from workshop.kafka import consume
from workshop.notebook.connection import Connection

PATIENCE = 60.0  # seconds
STOCK = {"cocoa": 5, "coffee": 7, "tea": 9}
WANTED = {"cocoa": 14, "coffee": 16, "tea": 20}  # pieces, one per order: fifty orders

Offsets = dict[int, int]  # partition to offset


@dataclass(frozen=True)
class Decision:
    """An event of the stock, and the number of its decider: its partition."""

    event: StockEvent
    decider: int


@dataclass(frozen=True)
class Ordered:
    """An order in the topic, with its partition and its key."""

    order: PlaceOrder
    partition: int
    key: bytes | None


@dataclass
class _Begin:
    """The place at which a try begins, and the place at which the check before it ended."""

    orders: Offsets = field(default_factory=dict)
    decisions: Offsets = field(default_factory=dict)


class Shop:
    """A shop with two topics: `orders` from customers, and `decisions` from the deciders.

    There is one decider per partition of `orders`. It knows the opening stock of every article and its own decisions, but
    not the decisions of the others.

    Records that came before the last check belong to an earlier try, and each try begins with the opening stock. So a
    wrong try does not spoil a right one that follows it.
    """

    def __init__(self, ws: Connection, stock: Mapping[str, int] | None = None) -> None:
        self._ws = ws
        self._opening = [StockReceived(name, count, f"opening-{name}") for name, count in (stock or STOCK).items()]
        self._begin, self._checked = _Begin(), _Begin()
        self.orders, self.decisions = ws.fresh_topic("orders"), ws.fresh_topic("decisions")

    def __repr__(self) -> str:
        return f"a shop: orders in {self.orders}, decisions in {self.decisions}"

    def new_try(self) -> None:
        """Begin a new try if there are new records since the last check."""
        if self._ends() != self._checked:
            self._begin = self._checked

    def checked(self) -> None:
        """Remember that all records up to now were checked."""
        self._checked = self._ends()

    def stock(self) -> dict[str, int]:
        """Return article to available pieces in this try."""
        events = [*self._opening, *(one.event for one in self.decided())]
        return {name: found.available for name, found in stocks(events).items()}

    def decided(self) -> list[Decision]:
        """Return every decision of this try."""
        records = consume.read_all(self._ws, self.decisions, first=self._begin.decisions)
        return [Decision(parse(record.value), record.partition) for record in records]

    def ordered(self) -> list[Ordered]:
        """Return every order of this try."""
        records = consume.read_all(self._ws, self.orders, first=self._begin.orders)
        return [Ordered(PlaceOrder.parse(record.value), record.partition, record.key) for record in records]

    def decide_all(self) -> None:
        """Let one decider per partition answer all its orders, at the same time."""
        _at_once(partial(self._decide, number) for number in consume.partitions_of(self._ws, self.orders))

    def _decide(self, number: int) -> None:
        """Act as the decider of one partition: read its own decisions, then answer the orders one by one."""
        mine = [*self._opening, *(one.event for one in self.decided() if one.decider == number)]
        known, answers = stocks(mine), []
        for ordered in self.ordered():
            if ordered.partition == number:
                stock = known.get(ordered.order.article, Stock())
                for event in decide(stock, ordered.order):
                    known[event.article] = evolve(known.get(event.article, Stock()), event)
                    answers.append(event)
        with closing(KafkaProducer(**self._ws.kafka, acks="all")) as producer:
            sent = [producer.send(self.decisions, key=e.key(), value=e.value(), partition=number) for e in answers]
            for future in sent:
                future.get(timeout=PATIENCE)

    def _ends(self) -> _Begin:
        with closing(KafkaConsumer(**self._ws.kafka)) as consumer:
            found = []
            for topic in (self.orders, self.decisions):
                places = [TopicPartition(topic, number) for number in consume.partitions_of(self._ws, topic)]
                found.append({place.partition: end for place, end in consumer.end_offsets(places).items()})
        return _Begin(*found)


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
        raise trouble
