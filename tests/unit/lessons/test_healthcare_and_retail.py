"""Lesson 10: orders, deciders at the same time, corrections, and the parts of a design."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.domain.healthcare import PatientEvent, ResultCorrected
from workshop.domain.retail.stock import OrderRefused, PlaceOrder, StockReceived, StockReserved
from workshop.lessons.healthcare_and_retail import checks, experiments, stock_keeping
from workshop.lessons.healthcare_and_retail.stock_keeping import Decision

AT = datetime(2014, 4, 1, 12, tzinfo=UTC)


def test_fifty_orders_want_more_of_each_article_than_there_is():
    orders = stock_keeping.fifty_orders()
    assert len({order.reference for order in orders}) == len(orders) == 50
    wanted = {name: sum(order.pieces for order in orders if order.article == name) for name in stock_keeping.STOCK}
    assert all(wanted[name] > count for name, count in stock_keeping.STOCK.items())
    assert [order.article for order in orders[:4]] == ["cocoa", "coffee", "tea", "cocoa"]


def test_works_run_at_the_same_time():
    both = threading.Barrier(2, timeout=20)
    stock_keeping._at_once([both.wait, both.wait])


@pytest.mark.parametrize(
    ("error", "raised"), [(threading.BrokenBarrierError(), WorkshopError), (ZeroDivisionError(), ZeroDivisionError)]
)
def test_what_goes_wrong_in_one_work_is_raised(error: Exception, raised: type[Exception]):
    def fail() -> None:
        raise error

    with pytest.raises(raised):
        stock_keeping._at_once([lambda: None, fail])


class Shop(stock_keeping.Shop):
    """A shop whose topics are lists."""

    def __init__(self, orders: Iterable[PlaceOrder] = (), decisions: Iterable[Decision] = ()) -> None:
        self._orders, self._decisions = list(orders), list(decisions)

    def decided(self) -> list[Decision]:
        return self._decisions

    def ordered(self) -> list[tuple[int, PlaceOrder]]:
        return [(0, order) for order in self._orders]

    def decide_all(self) -> None:
        """All is decided already."""


OPENING = [Decision(StockReceived(name, count, f"o-{name}"), 0) for name, count in stock_keeping.STOCK.items()]


def answers(sell: Callable[[str, int], bool], decider: Callable[[int], int] = lambda number: 0) -> list[Decision]:
    """A decision about each order; `sell` is told the article and how many were sold of it."""
    sold = dict.fromkeys(stock_keeping.STOCK, 0)
    found = [*OPENING]
    for number, order in enumerate(stock_keeping.fifty_orders()):
        good = sell(order.article, sold[order.article])
        sold[order.article] += good
        kind = StockReserved if good else OrderRefused
        found.append(Decision(kind(order.article, 1, order.reference), decider(number)))
    return found


def fits(article: str, sold: int) -> bool:
    return sold < stock_keeping.STOCK[article]


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)


@pytest.mark.parametrize(
    ("decisions", "word", "said"),
    [
        (answers(fits), "passed", "50 orders answered: 21 reserved, 29 refused; no stock below 0"),
        (answers(lambda article, sold: True), "not yet", "cocoa: 14 sold of 5, the stock stands at -9"),
        (answers(fits, lambda number: number % 2), "not yet", "2 deciders decided about"),
        (answers(fits)[:-2], "not yet", "2 orders have no answer, such as order-"),
        (OPENING, "unanswered", "no order was sent"),
    ],
)
def test_no_oversale(decisions: list[Decision], word: str, said: str):
    orders = [] if decisions is OPENING else stock_keeping.fifty_orders()
    verdict = checks.no_oversale(Shop(orders, decisions))
    assert verdict.word == word
    assert dict(verdict.lines)["observed"].replace("of 50 ", "").startswith(said)


DESIGN = {
    "events": {"Booked": ["room", "guest"], "Moved": ["room"], "Cancelled": ["room"]},
    "key": "room",
    "readers": {"billing": ["Booked"], "cleaning": ["Booked", "Cancelled"]},
    "personal": ["guest"],
    "corrects": {"Cancelled": "Booked"},
}


@pytest.mark.parametrize(
    ("change", "word", "said"),
    [
        ({}, "passed", "3 events by room, 2 readers; personal: guest"),
        ({"personal": []}, "passed", "3 events by room, 2 readers; personal: nothing"),
        ({"events": {"Booked": ["room"]}}, "not yet", "1 events"),
        ({"key": "guest"}, "not yet", "Cancelled, Moved has no field 'guest'"),
        ({"readers": {"one": ["Booked"]}}, "not yet", "1 readers"),
        ({"readers": {"one": ["Booked"], "two": ["Sold"]}}, "not yet", "two reads Sold, which nobody writes"),
        ({"readers": {"one": ["Booked"], "two": []}}, "not yet", "two reads nothing"),
        ({"personal": ["age"]}, "not yet", "age is personal, and no event has it"),
        ({"corrects": {}}, "not yet", "nothing can be corrected"),
        ({"corrects": {"Fixed": "Booked"}}, "not yet", "Fixed is none of your events"),
        ({"key": 5}, "not yet", "design['key'] is 5"),
    ],
)
def test_the_parts_of_a_design_fit_each_other(change: dict, word: str, said: str):
    verdict = checks.design({**DESIGN, **change})
    assert (verdict.word, dict(verdict.lines)["observed"]) == (word, said)


def test_a_tired_hand_swaps_two_digits():
    assert experiments._swapped(Decimal("7.1")) == Decimal("1.7")


def test_results_are_shown_as_they_were_known_then_and_as_they_are_known_today():
    measured = PatientEvent("A", "LacticAcid", AT, "e", AT, Decimal("7.1"))
    late = PatientEvent("A", "LacticAcid", AT - timedelta(hours=4), "l", AT + timedelta(hours=2), Decimal("2.4"))
    fixed = ResultCorrected("A", "e", Decimal("1.7"), AT + timedelta(hours=20), "c")
    table = experiments.then_and_now([measured, late, fixed], AT + timedelta(hours=1))
    assert table.iloc[:, 0].tolist() == ["—", "7.1"]
    assert table["known today"].tolist() == ["2.4", "1.7"]
    assert table["thought before"].tolist() == ["", "7.1"]


def test_the_reason_for_a_wrong_call_tells_of_a_correction():
    file = experiments.files([PatientEvent("A", "LacticAcid", AT, "e", AT, Decimal("7.1"))])["A"]
    assert checks._why(file, False) == "case A is False, its highest lactate 7.1"
    assert checks._highest(experiments.files([PatientEvent("B", "ER", AT, "f", AT)])["B"]) == 0
