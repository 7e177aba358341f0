"""An account as a pure fold over its events: `decide` answers commands, `evolve` applies events.

`decide` may refuse a command, and changes nothing. `evolve` applies every event, because it has already happened. Neither
uses a clock, a random number or a database, so that a replay gives the same account again, today and in ten years.
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

OPENING_CENTS = 100_000  # the balance of a new account, at the first payment of its card


@dataclass(frozen=True)
class DebitCard:
    """A command: debit a payment from the card's account."""

    card: str
    amount_cents: int
    at: datetime
    payment_id: str


@dataclass(frozen=True)
class CreditCard:
    """A command: credit a refund of a payment, or of a part of it."""

    card: str
    amount_cents: int
    at: datetime
    payment_id: str


@dataclass(frozen=True)
class Account:
    """The state of a card's account.

    Attributes:
        balance_cents: the balance.
        is_open: whether the account exists.
        handled: the commands that were answered, so that a duplicate has no second effect. It grows with the card's
            payments; a service that runs for years would keep only the commands of the last weeks.
    """

    balance_cents: int = 0
    is_open: bool = False
    handled: frozenset[tuple[str, str]] = frozenset()


def decide(account: Account, command: DebitCard | CreditCard, opening_cents: int = OPENING_CENTS) -> list[CardEvent]:
    """Return the events that answer a command: none if it was answered before."""
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
    """Return the account after an event; events that are not about accounts change nothing."""
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
    """Return the account after all of these events, from the beginning or from a given state."""
    return reduce(evolve, events, account or Account())


def command_for(fact: CardEvent) -> DebitCard | CreditCard | None:
    """Return the bank's command for an event: debit a payment, credit a refund, otherwise None."""
    about = (fact.card, fact.amount_cents, fact.at, fact.payment_id)
    if isinstance(fact, PaymentMade):
        return DebitCard(*about)
    return CreditCard(*about) if isinstance(fact, PaymentRefunded) else None


def _answered(account: Account, event: CardEvent, balance_cents: int) -> Account:
    return replace(account, balance_cents=balance_cents, handled=account.handled | {_answer_id(event)})


def _answer_id(about: DebitCard | CreditCard | CardEvent) -> tuple[str, str]:
    credit = isinstance(about, CreditCard | AccountCredited)
    return ("credit" if credit else "debit", about.payment_id)
