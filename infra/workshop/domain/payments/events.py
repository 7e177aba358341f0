"""Events of the story, and their encoding as bytes. Money is integer cents."""

from __future__ import annotations

import json
import operator
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self


class MalformedEvent(ValueError):
    """The bytes are not the expected event; the message has the reason."""


# The errors of a service on bytes that are no usable event: malformed, or well-formed and absurd (a time out of range, a name
# that cannot be encoded). The service reports the record and continues: one record must not stop all later ones.
UNUSABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def as_int(amount: Any) -> Any:
    """Return an integer of any kind as an `int`, and anything else unchanged: `CardEvent.parse` refuses it."""
    if isinstance(amount, int):  # nearly always; True stays as it is
        return amount
    with suppress(TypeError):
        return operator.index(amount)
    return amount


class CardEvent:
    """An event of a card. Events of one card stay in order, because the card is their key.

    Attributes:
        card: the card, which is the key of the record.
        amount_cents: the amount in cents of a euro, never below 0.
        at: the event time, which may be long before the event is read.
        payment_id: the payment that the event is about.
    """

    card: str
    amount_cents: int
    at: datetime
    payment_id: str

    def __post_init__(self) -> None:
        """Store the amount as an `int`; JSON has no form for the integers of numpy and pandas."""
        object.__setattr__(self, "amount_cents", as_int(self.amount_cents))

    def key(self) -> bytes:
        """Return the Kafka key."""
        return self.card.encode()

    def value(self) -> bytes:
        """Return the Kafka value, as JSON."""
        fields = {"type": type(self).__name__, **vars(self), "at": self.at.isoformat()}
        return json.dumps(fields).encode()

    def timestamp_ms(self) -> int:
        """Return the event time as the record's timestamp, in milliseconds since 1970."""
        return round(self.at.timestamp() * 1000)

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the headers, which a consumer can read without parsing the value."""
        return [("type", type(self).__name__.encode()), ("version", b"1")]

    @classmethod
    def parse(cls, value: bytes | None) -> Self:
        """Parse an event from the value of a record.

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
    """A customer paid by card at a terminal; 0 cents if the card is only verified. The system of record."""

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
    """A payment, or a part of it, was refunded."""

    terminal: str | None = None


@dataclass(frozen=True)
class AccountOpened(_AboutAPayment):
    """A card's account was opened with this balance, because of the card's first payment."""


@dataclass(frozen=True)
class AccountDebited(_AboutAPayment):
    """The amount was debited from the account."""


@dataclass(frozen=True)
class AccountCredited(_AboutAPayment):
    """The amount was credited to the account."""


@dataclass(frozen=True)
class PaymentDeclined(_AboutAPayment):
    """The account did not cover the payment: nothing was debited."""

    reason: str = ""


@dataclass(frozen=True)
class FraudReported(_AboutAPayment):
    """The card's owner reported a payment as fraud, days after it; `at` is the time of the report."""

    terminal: str | None = None
    paid_at_ms: int = 0  # the time of the payment, in milliseconds since 1970


@dataclass(frozen=True)
class PaymentFlagged(_AboutAPayment):
    """A payment was flagged as suspicious when it was made, with the rules and their reasons."""

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
    """Parse an event of any type from the value of a record.

    Raises:
        MalformedEvent: the bytes are not an event of the story.
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
