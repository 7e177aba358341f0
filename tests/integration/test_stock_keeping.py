"""The last piece on real brokers: sold twice by concurrent writers, and once by a single writer per article."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
import workshop
from workshop.domain.retail.stock import OrderRefused, PlaceOrder, StockReserved, fold
from workshop.lessons.healthcare_and_retail.stock_keeping import STOCK, Shop, fifty_orders, one_writer, race


@pytest.fixture(autouse=True)
def _tidy(ws: workshop.Connection):
    yield
    ws.tidy()


def test_two_who_read_before_either_writes_sell_the_last_piece_twice(ws: workshop.Connection) -> None:
    events = race(ws)
    assert [type(event) for event in events[1:]] == [StockReserved] * 2
    assert fold(events).available == -1


def test_one_writer_sells_it_once_and_refuses_the_other(ws: workshop.Connection) -> None:
    events = one_writer(ws)
    assert sorted(type(event).__name__ for event in events[1:]) == ["OrderRefused", "StockReserved"]
    assert {event.reference for event in events[1:]} == {"Ada", "Bob"}
    assert fold(events).available == 0


def test_fifty_at_once_are_all_answered_and_nothing_is_oversold_also_when_the_deciders_start_again(
    ws: workshop.Connection,
) -> None:
    shop = Shop(ws)
    threads = [threading.Thread(target=shop.order, args=([order],)) for order in fifty_orders()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shop.order(fifty_orders()[:10])  # retries after a lost answer
    for _ in range(2):
        shop.decide_all()
        answers = [d.event for d in shop.decided() if isinstance(d.event, StockReserved | OrderRefused)]
        assert Counter(event.reference for event in answers) == Counter(order.reference for order in fifty_orders())
        assert sum(isinstance(event, StockReserved) for event in answers) == sum(STOCK.values())
        assert shop.stock() == dict.fromkeys(STOCK, 0)
    shop.order([PlaceOrder("tea", 1, "one-more")])
    shop.decide_all()
    assert shop.stock()["tea"] == 0
