"""Accounts as folds: properties over any log of payments and refunds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop.domain.payments import MalformedEvent, PaymentMade, PaymentRefunded, accounts, parse, versions
from workshop.domain.payments.accounts import Account, CreditCard, DebitCard, command_for, decide, fold
from workshop.domain.payments.events import AccountDebited, AccountOpened, PaymentDeclined

NOON = datetime(2018, 6, 12, 12, tzinfo=UTC)
PAYMENT = PaymentMade("card-0001", "terminal-00002", 4200, NOON, "p-1")

commands = st.lists(
    st.builds(
        lambda kind, cents, number: kind("card-0001", cents, NOON + timedelta(seconds=number), f"p-{number}"),
        st.sampled_from([DebitCard, DebitCard, CreditCard]),
        st.integers(0, 60_000),
        st.integers(0, 20),
    ),
    max_size=40,
)


def history(given_commands: list) -> list:
    events: list = []
    for command in given_commands:
        events += decide(fold(events), command)
    return events


def test_a_first_payment_opens_the_account_and_is_debited():
    events = decide(Account(), command_for(PAYMENT))
    assert [type(event) for event in events] == [AccountOpened, AccountDebited]
    assert fold(events).balance_cents == accounts.OPENING_CENTS - 4200


def test_a_payment_that_the_balance_does_not_cover_is_declined_and_changes_nothing():
    events = decide(Account(), replace(command_for(PAYMENT), amount_cents=accounts.OPENING_CENTS + 1))
    assert isinstance(events[-1], PaymentDeclined)
    assert fold(events).balance_cents == accounts.OPENING_CENTS


@given(commands)
def test_the_balance_is_what_the_events_add_up_to_and_never_below_zero(given_commands: list):
    events = history(given_commands)
    account = fold(events)
    signs = {"AccountOpened": 1, "AccountCredited": 1, "AccountDebited": -1, "PaymentDeclined": 0}
    assert account.balance_cents == sum(signs[type(e).__name__] * e.amount_cents for e in events)
    assert account.balance_cents >= 0


@given(commands, st.integers(0, 80))
def test_a_fold_over_any_split_equals_the_whole(given_commands: list, at: int):
    events = history(given_commands)
    assert fold(events[at:], fold(events[:at])) == fold(events)


@given(commands)
def test_a_command_that_comes_again_has_no_second_effect(given_commands: list):
    account = fold(history(given_commands))
    assert [decide(account, command) for command in given_commands] == [[] for _ in given_commands]
    assert history(given_commands + given_commands) == history(given_commands)


@given(commands)
def test_events_are_read_back_as_they_were_written(given_commands: list):
    events = history(given_commands)
    assert [parse(event.value()) for event in events] == events
    assert fold(parse(event.value()) for event in events) == fold(events)


def test_facts_that_are_no_payments_lead_to_no_command():
    refund = PaymentRefunded("card-0001", 100, NOON, "p-1")
    assert command_for(refund) == CreditCard("card-0001", 100, NOON, "p-1")
    assert command_for(decide(Account(), command_for(PAYMENT))[0]) is None
    with pytest.raises(MalformedEvent, match="none of the story's events"):
        parse(b'{"type": "Rumour"}')


def test_an_old_payment_is_lifted_and_a_new_one_read_as_it_is():
    lifted = versions.read(PAYMENT.value(), PAYMENT.headers())
    assert (lifted.currency, lifted.place, lifted.amount_cents) == ("EUR", "terminal-00002", 4200)
    abroad = replace(lifted, currency="CHF", channel="internet")
    assert versions.read(abroad.value(), [("version", b"2")]) == abroad
    assert versions.PaymentMadeV2.of(PAYMENT) == lifted


@pytest.mark.parametrize(
    ("value", "version", "reason"),
    [
        (PAYMENT.value(), b"3", "version 3 is unknown"),
        (PAYMENT.value(), b"2", "missing or wrong"),
        (b'{"card": "x"}', b"1", "missing or wrong"),
    ],
)
def test_what_cannot_be_lifted_is_refused_with_a_reason(value: bytes, version: bytes, reason: str):
    with pytest.raises(MalformedEvent, match=reason):
        versions.read(value, [("version", version)])
