"""The service `debits` on real brokers: it is killed repeatedly, and every payment is debited exactly once."""

from __future__ import annotations

from dataclasses import replace

from services.debits import accounts_of
from workshop.base.waiting import wait_until
from workshop.domain.payments import parse
from workshop.domain.payments.accounts import Account, command_for, decide, fold
from workshop.domain.payments.events import PaymentDeclined
from workshop.kafka import consume
from workshop.kafka.produce import publish
from workshop.notebook import services, story
from workshop.notebook.connection import Connection


def committed(ws: Connection, topic: str) -> list:
    return [parse(record.value) for record in consume.read_all(ws, topic, isolation_level="read_committed")]


def test_killed_in_the_middle_it_debits_each_payment_once(ws: Connection):
    payments, debits = ws.fresh_topic("to-debit"), ws.fresh_topic("debited")
    balances = ws.fresh_topic("balances", cleanup_policy="compact")
    day = story.one_day()[:300]
    publish(ws, payments, day)
    publish(ws, payments, [day[0]])  # a retry of the producer
    publish(ws, payments, [replace(day[0], payment_id="too-much", amount_cents=10**9)])
    service = services.debits(ws, payments, debits, balances, work_ms=4)
    try:
        for least in (60, 160):
            service.start()
            wait_until(lambda least=least: len(services.answered(ws, debits)) >= least, 90, f"{least} answers")
            service.kill()
        service.start()
        wait_until(lambda: len(services.answered(ws, debits)) >= 301, 120, "all payments to be answered")
    finally:
        service.stop()
    times = services.answered(ws, debits)
    assert set(times) == {payment.payment_id for payment in day} | {"too-much"}
    assert set(times.values()) == {1}
    events = committed(ws, debits)
    assert [event.payment_id for event in events if isinstance(event, PaymentDeclined)] == ["too-much"]
    assert state(ws, debits) == expected(day)


def state(ws: Connection, topic: str) -> dict[str, int]:
    numbers = consume.partitions_of(ws, topic)
    found = {card: account for n in numbers for card, account in accounts_of(ws.kafka, topic, n).items()}
    return {card: account.balance_cents for card, account in found.items()}


def expected(day: list) -> dict[str, int]:
    accounts: dict[str, Account] = {}
    for payment in day:
        account = accounts.get(payment.card, Account())
        accounts[payment.card] = fold(decide(account, command_for(payment)), account)
    return {card: account.balance_cents for card, account in accounts.items()}
