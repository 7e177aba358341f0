"""Checks of lesson 10."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from kafka.partitioner.default import murmur2

from workshop.domain.retail.stock import OrderRefused, StockReceived, StockReserved
from workshop.lessons.healthcare_and_retail import design_check
from workshop.lessons.healthcare_and_retail.compensation import topic_outbox
from workshop.lessons.healthcare_and_retail.compensation_check import expect_compensation
from workshop.lessons.healthcare_and_retail.stock_keeping import STOCK, Decision, Ordered, Shop, fifty_orders
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import Question, exercise, expect, quick_questions, unanswered

PARTITIONS = 3
SET_UP = "or run the exercise's set-up cell, which makes a new shop"


@exercise("10.1", "the money goes back")
def compensation(ws: Connection, payments: str, answer: Any) -> str:
    """Try a compensating step on databases of its own and on the real topic of the payments."""
    unanswered(answer is None, observed="`compensate` is None", expected="a function of database, producer and event")
    expect(
        callable(answer),
        observed=f"`compensate` is {answer!r}, no function",
        expected="a function of database, producer and event",
    )
    with topic_outbox(ws, payments) as outbox:
        return expect_compensation(answer, outbox)


@exercise("10.2", "fifty orders at once")
def no_oversale(shop: Shop) -> str:
    """Let three deciders answer the orders that came since the last check, then fold every decision."""
    there = "" if isinstance(shop, Shop) else repr(shop)
    expect(not there, observed=f"`shop` is {there}", expected="a shop", hint="Run the set-up cell again.")
    shop.new_try()
    try:
        return _judged(shop)
    finally:
        shop.checked()


def _judged(shop: Shop) -> str:
    ordered, written = shop.ordered(), shop.decided()
    unanswered(
        not ordered and all(isinstance(one.event, StockReceived) for one in written),
        observed="no order was sent",
        expected="fifty orders in `shop.orders`",
    )
    shop.decide_all()
    decisions = shop.decided()
    _expect_one_decider_each(decisions, ordered)
    _expect_nothing_oversold(shop.stock(), decisions)
    answered = Counter(one.event.reference for one in decisions if isinstance(one.event, StockReserved | OrderRefused))
    asked = {order.reference for order in fifty_orders()}
    silent = sorted(asked - set(answered))
    expect(
        not silent,
        observed=f"since the last check, {len(silent)} of {len(asked)} orders have no answer, such as {_some(silent)}",
        expected="an answer to each: reserved, or refused",
        hint="whether there is enough is the decider's question: send every order",
    )
    _expect_shared_work(ordered)
    sold = sum(isinstance(one.event, StockReserved) for one in decisions)
    deciders = len({one.partition for one in ordered})
    work = f"{deciders} deciders at work" if deciders > 1 else "one decider at work, by the luck of the hash"
    return f"{len(asked)} orders answered: {sold} reserved, {len(asked) - sold} refused; no stock below 0; {work}"


def _some(names: list) -> str:
    return ", ".join(map(str, names[:3])) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _expect_one_decider_each(decisions: list[Decision], ordered: list[Ordered]) -> None:
    deciders = defaultdict(set)
    for one in decisions:
        if not isinstance(one.event, StockReceived):
            deciders[one.event.article].add(one.decider)
    shared = sorted(article for article, found in deciders.items() if len(found) > 1)
    twice = len(ordered) > len({one.order.reference for one in ordered})
    expect(
        not shared,
        observed=f"{len(deciders[shared[0]]) if shared else 0} deciders decided about {shared[0] if shared else ''}, "
        "and none of them knew of the others",
        expected="one decider for each article",
        hint="records with the same key are in the same partition: what must the orders of one article have in common?"
        + (f" ({len(ordered)} orders came since the last check: check after each try, {SET_UP}.)" if twice else ""),
    )


def _expect_nothing_oversold(stock: Mapping[str, int], decisions: list[Decision]) -> None:
    below = sorted(article for article, left in stock.items() if left < 0)
    sold = sum(isinstance(one.event, StockReserved) and one.event.article in below[:1] for one in decisions)
    expect(
        not below,
        observed=f"{below[0] if below else ''}: {sold} sold of {STOCK.get(below[0]) if below else 0}, the stock is "
        f"{stock[below[0]] if below else 0}",
        expected="no stock below 0",
        hint="what you read before others write is old when you write: send the orders, and let one decider decide",
    )


def _expect_shared_work(ordered: list[Ordered]) -> None:
    """Expect several partitions, or keys that the hash happens to put into one."""
    keys = {one.key for one in ordered}
    used = {one.partition for one in ordered}
    by_hash = {(murmur2(key) & 0x7FFFFFFF) % PARTITIONS for key in keys if key is not None}
    expect(
        len(used) > 1 or (len(keys) > 1 and None not in keys and by_hash == used),
        observed=f"all {len(ordered)} orders are in partition {min(used, default=0)}: one decider has all the work",
        expected="deciders that share the work",
        hint="only the orders of *one* article must be together: use a key that differs from article to article",
    )


@exercise("10.3", "a design of your own")
def design(ws: Connection, answer: Any) -> str:
    """Run the events of a design through Kafka, and compare what its reader makes of them."""
    unanswered(
        answer is None or answer == {}, observed="`design` is empty", expected="a dict: events, key, personal, evolve"
    )
    design_check.expect_form(answer)
    return design_check.run(ws, answer)


questions = quick_questions(
    "10",
    Question(
        "c",
        a="The key that decrypts the name is gone, so nobody reads the name. The record's own key was never encrypted.",
        b="A broker cannot delete single records of such a topic. Only retention and compaction remove any.",
        c="Whoever has the secret computes the same pseudonym again and finds every event. A random pseudonym in a table can "
        "be deleted; even then the events of one person stay linked.",
    ),
    Question(
        "b",
        a="A pause is a guess: on a busy machine the read model needs longer, and on other days you wait for nothing.",
        b="The record's offset says how far the read model must be. Only this request waits, and no longer than necessary.",
        c="`acks=all` says that the brokers have the record. The read model reads it later.",
    ),
    Question(
        "a",
        a="Each service has committed its own step long ago. A saga undoes it by a further event, which can be repeated.",
        b="No transaction of Kafka covers the databases of three services, and others have seen the events already.",
        c="A log cannot delete one record, and the payment did happen: the bank has moved the money.",
    ),
)
