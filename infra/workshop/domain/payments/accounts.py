"""An account as a pure fold over its events: `decide` says what a command leads to, `evolve` obeys what has happened.

`decide` asks and may refuse; it changes nothing. `evolve` never asks: what happened, happened. Neither looks at a clock, a
random number or a database, so that a replay gives the same account again, today and in ten years.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from workshop.domain.payments.events import (
    AccountCredited,
    AccountDebited,
    AccountOpened,
    CardEvent,
    PaymentDeclined,
    PaymentMade,
    PaymentRefunded,
)

OPENING_CENTS = 100_000  # what lies on an account when its card first pays


@dataclass(frozen=True)
class DebitCard:
    """A command: take a payment off the card's account."""

    card: str
    amount_cents: int
    at: datetime
    payment_id: str


@dataclass(frozen=True)
class CreditCard:
    """A command: give a payment, or a part of it, back."""

    card: str
    amount_cents: int
    at: datetime
    payment_id: str


@dataclass(frozen=True)
class Account:
    """What the past of a card comes to.

    Attributes:
        balance_cents: what lies on it.
        is_open: whether it exists.
        handled: the commands that were answered, so that one that comes twice has one effect. It grows with the card's
            payments; a service that runs for years would keep those of the last weeks.
    """

    balance_cents: int = 0
    is_open: bool = False
    handled: frozenset[tuple[str, str]] = frozenset()


def decide(account: Account, command: DebitCard | CreditCard, opening_cents: int = OPENING_CENTS) -> list[CardEvent]:
    """The events that a command leads to: none if it was answered before."""
    if _answer_id(command) in account.handled:
        return []
    about = (command.card, command.amount_cents, command.at, command.payment_id)
    opened = [] if account.is_open else [AccountOpened(command.card, opening_cents, command.at, command.payment_id)]
    if isinstance(command, CreditCard):
        return [*opened, AccountCredited(*about)]
    if fold(opened, account).balance_cents < command.amount_cents:
        return [*opened, PaymentDeclined(*about, reason="the balance does not cover it")]
    return [*opened, AccountDebited(*about)]


def evolve(account: Account, event: CardEvent) -> Account:
    """The account after an event; events that are not about accounts leave it as it is."""
    match event:
        case AccountOpened():
            return replace(account, balance_cents=event.amount_cents, is_open=True)
        case AccountDebited():
            return _answered(account, event, account.balance_cents - event.amount_cents)
        case AccountCredited():
            return _answered(account, event, account.balance_cents + event.amount_cents)
        case PaymentDeclined():
            return _answered(account, event, account.balance_cents)
        case _:
            return account


def fold(events: Iterable[CardEvent], account: Account | None = None) -> Account:
    """The account after all of these events, from the beginning or from a state in between."""
    return reduce(evolve, events, account or Account())


def command_for(fact: CardEvent) -> DebitCard | CreditCard | None:
    """What the bank does about a fact: a payment is debited, a refund credited."""
    about = (fact.card, fact.amount_cents, fact.at, fact.payment_id)
    if isinstance(fact, PaymentMade):
        return DebitCard(*about)
    return CreditCard(*about) if isinstance(fact, PaymentRefunded) else None


def _answered(account: Account, event: CardEvent, balance_cents: int) -> Account:
    return replace(account, balance_cents=balance_cents, handled=account.handled | {_answer_id(event)})


def _answer_id(about: DebitCard | CreditCard | CardEvent) -> tuple[str, str]:
    credit = isinstance(about, CreditCard | AccountCredited)
    return ("credit" if credit else "debit", about.payment_id)
