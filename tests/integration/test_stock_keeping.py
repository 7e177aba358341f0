"""Fifty orders on real brokers: one decider for each partition, repeated tries, and deciders that start again."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

import pytest
import workshop
from kafka import KafkaProducer
from workshop.domain.retail.stock import OrderRefused, PlaceOrder, StockReserved
from workshop.lessons.healthcare_and_retail.stock_keeping import STOCK, Shop, fifty_orders


@pytest.fixture(autouse=True)
def _tidy(ws: workshop.Connection):
    yield
    ws.tidy()


def send(ws: workshop.Connection, shop: Shop, orders: Iterable[PlaceOrder], by: str = "article") -> None:
    with KafkaProducer(**ws.kafka, acks="all") as producer:
        for order in orders:
            producer.send(shop.orders, key=getattr(order, by).encode(), value=order.value())


def answers(shop: Shop) -> list:
    return [one.event for one in shop.decided() if isinstance(one.event, StockReserved | OrderRefused)]


def test_fifty_at_once_are_all_answered_and_nothing_is_oversold_also_when_the_deciders_start_again(
    ws: workshop.Connection,
) -> None:
    shop = Shop(ws)
    threads = [threading.Thread(target=send, args=(ws, shop, [order])) for order in fifty_orders()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    send(ws, shop, fifty_orders()[:10])  # retries after a lost answer
    for _ in range(2):
        shop.decide_all()
        found = answers(shop)
        assert Counter(event.reference for event in found) == Counter(order.reference for order in fifty_orders())
        assert sum(isinstance(event, StockReserved) for event in found) == sum(STOCK.values())
        assert shop.stock() == dict.fromkeys(STOCK, 0)
    send(ws, shop, [PlaceOrder("tea", 1, "one-more")])
    shop.decide_all()
    assert shop.stock()["tea"] == 0


def test_a_new_try_begins_with_the_records_after_the_last_check(ws: workshop.Connection) -> None:
    shop = Shop(ws)
    send(ws, shop, fifty_orders(), by="reference")
    shop.new_try()
    shop.decide_all()
    assert min(shop.stock().values()) < 0, "each decider has the whole opening stock"
    shop.checked()
    shop.new_try()
    assert len(shop.ordered()) == 50, "without new records the last try is checked again"
    shop.checked()
    send(ws, shop, fifty_orders())
    shop.new_try()
    assert (len(shop.ordered()), shop.decided(), shop.stock()) == (50, [], STOCK)
    shop.decide_all()
    assert shop.stock() == dict.fromkeys(STOCK, 0)
