"""The events of the story, and how they are written as bytes. Money is integer cents."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self


class MalformedEvent(ValueError):
    """Bytes that are not the event they should be; the message says what is wrong with them."""


# What a service may meet that takes bytes for an event: they are malformed, or well-formed and absurd (a time before all
# times, a name that no encoding knows). It says so and goes on: one record must not stop all that come after it.
UNUSABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class CardEvent:
    """Something that happened with a card. Events of one card stay in order, because the card is their key.

    Attributes:
        card: whose card it is; the key under which the event is published.
        amount_cents: how much, in cents of a euro, never less than 0.
        at: when it happened, which may be long before anybody reads it.
        payment_id: the payment that it is about.
    """

    card: str
    amount_cents: int
    at: datetime
    payment_id: str

    def key(self) -> bytes:
        """The Kafka key."""
        return self.card.encode()

    def value(self) -> bytes:
        """The Kafka value, as JSON."""
        fields = {"type": type(self).__name__, **vars(self), "at": self.at.isoformat()}
        return json.dumps(fields).encode()

    def timestamp_ms(self) -> int:
        """The record's time, in milliseconds since 1970: when it happened."""
        return round(self.at.timestamp() * 1000)

    def headers(self) -> list[tuple[str, bytes]]:
        """What a reader wants to know before it opens the value."""
        return [("type", type(self).__name__.encode()), ("version", b"1")]

    @classmethod
    def parse(cls, value: bytes | None) -> Self:
        """Read the event back.

        Raises:
            MalformedEvent: the bytes are not an event of this type.
        """
        fields = _json_object(value)
        if fields.pop("type", None) != cls.__name__:
            raise MalformedEvent(f"it is not a {cls.__name__}")
        try:
            event = cls(**{**fields, "at": datetime.fromisoformat(fields["at"])})
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedEvent(f"a field is missing or wrong ({error})") from None
        if not (isinstance(event.card, str) and isinstance(event.payment_id, str)):
            raise MalformedEvent("card and payment_id are not both text")
        if not isinstance(event.amount_cents, int) or isinstance(event.amount_cents, bool) or event.amount_cents < 0:
            raise MalformedEvent(f"amount_cents is {event.amount_cents!r}, not a whole number from 0 upwards")
        return event


@dataclass(frozen=True)
class PaymentMade(CardEvent):
    """A customer paid by card at a terminal; 0 cents when a card is only verified. The system of record."""

    card: str
    terminal: str
    amount_cents: int
    at: datetime
    payment_id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class _AboutAPayment(CardEvent):
    card: str
    amount_cents: int
    at: datetime
    payment_id: str


@dataclass(frozen=True)
class PaymentRefunded(_AboutAPayment):
    """A payment, or a part of it, was given back."""

    terminal: str | None = None


@dataclass(frozen=True)
class AccountOpened(_AboutAPayment):
    """A card's account exists from now on, with this much on it; its first payment caused it."""


@dataclass(frozen=True)
class AccountDebited(_AboutAPayment):
    """The amount was taken off the account."""


@dataclass(frozen=True)
class AccountCredited(_AboutAPayment):
    """The amount was put back on the account."""


@dataclass(frozen=True)
class PaymentDeclined(_AboutAPayment):
    """The account did not cover the payment: nothing was taken."""

    reason: str = ""


@dataclass(frozen=True)
class FraudReported(_AboutAPayment):
    """The card's owner says: that was not me. It comes days after the payment; `at` is when it became known."""

    terminal: str | None = None
    paid_at_ms: int = 0  # when the payment was made, in milliseconds since 1970


@dataclass(frozen=True)
class PaymentFlagged(_AboutAPayment):
    """A payment looked strange while it was made, and which rules said so, and why."""

    rules: tuple[str, ...] = ()
    because: str = ""


EVENTS = {
    kind.__name__: kind
    for kind in (
        *(PaymentMade, PaymentRefunded, FraudReported, PaymentFlagged),
        *(AccountOpened, AccountDebited, AccountCredited, PaymentDeclined),
    )
}


def parse(value: bytes | None) -> CardEvent:
    """Read an event of any type back.

    Raises:
        MalformedEvent: the bytes are none of the story's events.
    """
    name = _json_object(value).get("type")
    kind = EVENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise MalformedEvent("it is none of the story's events")
    return kind.parse(value)


def _json_object(value: bytes | None) -> dict:
    try:
        content = json.loads(value or b"")
    except ValueError:
        raise MalformedEvent("it is not JSON") from None
    if not isinstance(content, dict):
        raise MalformedEvent("it is not a JSON object")
    return content
