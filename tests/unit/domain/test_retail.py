"""A shop as folds: stock never below zero where one decides, money neither made nor lost, cohorts that add up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop.domain.event_logs import LoggedEvent, MalformedLogEvent
from workshop.domain.retail import baskets, stock
from workshop.domain.retail.baskets import Basket, BasketAbandoned, BasketOrdered, CheckOut, GiveUp, PutIn
from workshop.domain.retail.projections import Sums, best_sellers, cohorts, customer_value, sums
from workshop.domain.retail.promotions import Promotion, what_if
from workshop.domain.retail.stock import (
    CancelOrder,
    OrderRefused,
    PlaceOrder,
    ReceiveStock,
    Stock,
    StockReserved,
    decide,
    evolve,
)
from workshop.domain.retail.tills import LineSold, line_sold, lines_sold
from workshop.ingest.event_log_rows import Reading, read

TILLS = Path(__file__).parents[3] / "data/complete_journey_transactions_sample.csv.gz"
START = datetime(2017, 1, 1, tzinfo=UTC)

orders = st.builds(PlaceOrder, st.just("tea"), st.integers(1, 5), st.sampled_from([f"o-{n}" for n in range(12)]))
deliveries = st.builds(ReceiveStock, st.just("tea"), st.integers(1, 9), st.sampled_from(["d-1", "d-2", "d-3"]))
cancels = st.builds(CancelOrder, st.just("tea"), st.sampled_from([f"o-{n}" for n in range(12)]))
commands = st.lists(orders | deliveries | cancels, max_size=40)
lines = st.lists(
    st.builds(
        LineSold,
        basket=st.integers(1, 12),
        household=st.sampled_from("abcd"),
        product=st.sampled_from("xyz"),
        quantity=st.integers(0, 3),
        cents=st.integers(0, 5_000),
        at=st.datetimes(datetime(2017, 1, 1), datetime(2018, 6, 1), timezones=st.just(UTC)),
    ),
    max_size=40,
)


def run(given_commands: list) -> tuple[Stock, list]:
    now, events = Stock(), []
    for command in given_commands:
        for event in decide(now, command):
            now = evolve(now, event)
            events.append(event)
            assert now.available >= 0
    return now, events


@given(commands)
def test_where_one_decides_stock_never_falls_below_zero_and_a_replay_is_the_same(given_commands: list) -> None:
    now, events = run(given_commands)
    assert stock.fold(events) == now
    assert [stock.parse(event.value()) for event in events] == events
    received = sum(event.pieces for event in events if isinstance(event, stock.StockReceived))
    assert now.available + sum(pieces for _, pieces in now.promised) == received


@given(commands)
def test_a_command_that_comes_twice_counts_once(given_commands: list) -> None:
    kept = [command for command in given_commands if not isinstance(command, CancelOrder)]
    assert run([one for command in kept for one in (command, command)]) == run(kept)


@given(commands)
def test_every_order_is_answered_once(given_commands: list) -> None:
    _, events = run(given_commands)
    asked = {command.reference for command in given_commands if isinstance(command, PlaceOrder)}
    answered = [event.reference for event in events if isinstance(event, StockReserved | OrderRefused)]
    assert sorted(answered) == sorted(asked)


def test_two_who_decide_on_the_same_past_oversell() -> None:
    past = Stock(available=1)
    promised = [event for buyer in "ab" for event in decide(past, PlaceOrder("tea", 1, buyer))]
    assert stock.fold(promised, past).available == -1


def test_less_than_a_piece_is_no_order() -> None:
    for command in (PlaceOrder("tea", 0, "o"), ReceiveStock("tea", -1, "d")):
        with pytest.raises(ValueError, match="pieces of tea are none"):
            decide(Stock(available=5), command)
    assert PlaceOrder.parse(PlaceOrder("thé", 2, "o").value()) == PlaceOrder("thé", 2, "o")


put = st.builds(
    PutIn,
    st.sampled_from("xy"),
    st.integers(-2, 3),
    st.just(250),
    st.integers(0, 100).map(lambda minutes: START + timedelta(minutes=minutes)),
)


@given(st.lists(put, max_size=15), st.integers(0, 300))
def test_a_basket_ends_once_with_the_worth_of_what_lies_in_it(puts: list[PutIn], minutes: int) -> None:
    basket = Basket()
    for command in sorted(puts, key=lambda one: one.at):
        for event in baskets.decide(basket, command):
            basket = baskets.evolve(basket, event)
    assert basket.cents == 250 * sum(basket.pieces.values()) >= 0
    later = START + timedelta(minutes=100 + minutes)
    for command, kind in ((CheckOut(later), BasketOrdered), (GiveUp(later), BasketAbandoned)):
        ends = baskets.decide(basket, command)
        idle = bool(basket.pieces) and (kind is BasketOrdered or later - basket.touched >= baskets.IDLE)
        assert [type(end) for end in ends] == [kind] * idle
        assert all(end.cents == basket.cents for end in ends)
        if ends:
            assert baskets.decide(baskets.fold(ends, basket), CheckOut(later)) == []


@given(lines)
def test_projections_neither_make_nor_lose_money_or_customers(sold: list[LineSold]) -> None:
    assert customer_value(sold).total() == sums(sold).cents
    grid = cohorts(sold)
    assert sum(grid.size.values()) == sums(sold).households
    assert all(count <= grid.size[month] for (month, _), count in grid.active.items())
    assert all(grid.retained(month, 0) == (1 if month <= grid.last else None) for month in grid.months)
    assert sum(count for _, count in best_sellers(sold, 99)) == len({(line.product, line.basket) for line in sold})


@given(lines, st.randoms())
def test_projections_do_not_depend_on_the_order(sold: list[LineSold], random) -> None:
    mixed = random.sample(sold, len(sold))
    assert (sums(mixed), customer_value(mixed), cohorts(mixed)) == (sums(sold), customer_value(sold), cohorts(sold))
    assert best_sellers(mixed) == best_sellers(sold)


@given(lines, st.integers(0, 100), st.integers(1, 9_000))
def test_a_promotion_gives_no_more_than_its_percentage(sold: list[LineSold], percent: int, from_cents: int) -> None:
    found = what_if(sold, Promotion(percent, from_cents))
    assert found.sales_cents == sums(sold).cents
    assert 0 <= 100 * found.given_cents <= percent * found.sales_cents
    assert found.rewarded + found.close <= found.baskets == sums(sold).baskets


def test_what_a_cohort_will_do_is_not_known_yet() -> None:
    months = [START, START + timedelta(days=58)]  # to the last day of February
    grid = cohorts([LineSold(1, "a", "x", 1, 100, at) for at in months] + [LineSold(2, "b", "x", 1, 100, months[1])])
    assert (grid.retained("2017-01", 1), grid.retained("2017-02", 1), grid.retained("2017-01", 2)) == (1, None, None)


@pytest.mark.parametrize(
    ("end", "last"), [((2018, 1, 1), "2017-12"), ((2017, 12, 31), "2017-12"), ((2017, 12, 30), "2017-11")]
)
def test_a_month_that_the_log_does_not_hold_to_its_end_is_not_counted(end: tuple, last: str) -> None:
    assert cohorts([LineSold(1, "a", "x", 1, 100, datetime(*end, tzinfo=UTC))]).last == last


def a_line(case: str = "1", **fields: str) -> LoggedEvent:
    told = {"household_id": "h", "product_id": "p", "quantity": "1.0", "sales_value": "3.86", **fields}
    return LoggedEvent(case, "LineSold", START, "e", told)


def test_money_is_whole_cents_and_a_basket_a_whole_number_however_it_is_written() -> None:
    assert line_sold(a_line("4.0128e+10", sales_value="4.440892e-16")).basket == 40_128_000_000
    assert line_sold(a_line(sales_value="4.440892e-16")).cents == 0
    assert line_sold(a_line(sales_value="2.9999999999999996")).cents == 300


@pytest.mark.parametrize(
    "logged",
    [
        a_line("one"),
        a_line("1.5"),
        a_line(quantity="NaN"),
        a_line(quantity="1e99"),
        a_line(sales_value="3.865"),
        a_line(quantity=""),
    ],
)
def test_a_line_that_is_no_line_is_refused(logged: LoggedEvent) -> None:
    with pytest.raises(MalformedLogEvent):
        line_sold(logged)


def test_the_shipped_sample_has_the_published_sums() -> None:
    reading = Reading("basket_id", "transaction_timestamp", event="LineSold")
    sold = lines_sold(event for part in read(TILLS, reading) for event in part.events)
    assert sums(sold) == Sums(75_000, 47_243, 2_377, 20_902, 23_393_524, 416)
    assert sum(cohorts(sold).size.values()) == 2_377
