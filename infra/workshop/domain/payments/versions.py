"""Old and new versions of an event in one log: readers upcast events, stored events never change.

Version 1 of `PaymentMade` is in euros only. Version 2 has a currency, and a place with a channel instead of the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from workshop.domain.payments.events import MalformedEvent, PaymentMade, as_int

NEWEST = 2


@dataclass(frozen=True)
class PaymentMadeV2:
    """A payment in version 2."""

    card: str
    place: str
    channel: str
    amount_cents: int
    currency: str
    at: datetime
    payment_id: str

    def __post_init__(self) -> None:
        """Store the amount as an `int`, as `CardEvent` does."""
        object.__setattr__(self, "amount_cents", as_int(self.amount_cents))

    def key(self) -> bytes:
        """Return the Kafka key: as before, because another key would break the order within a card."""
        return self.card.encode()

    def value(self) -> bytes:
        """Return the Kafka value, as JSON."""
        fields = {**self.__dict__, "type": "PaymentMade", "at": self.at.isoformat()}
        return json.dumps(fields).encode()

    @classmethod
    def of(cls, old: PaymentMade) -> PaymentMadeV2:
        """Return the same payment in version 2."""
        fields = _from_1_to_2(json.loads(old.value()))
        return cls(**{**{k: v for k, v in fields.items() if k != "type"}, "at": old.at})


def _from_1_to_2(fields: dict) -> dict:
    """Add the values that version 1 implies: euros, at a terminal."""
    rest = {name: content for name, content in fields.items() if name != "terminal"}
    return {**rest, "place": fields.get("terminal"), "channel": "terminal", "currency": "EUR"}


UPCASTERS: dict[int, Callable[[dict], dict]] = {1: _from_1_to_2}  # from a version to the next


def upcast(fields: dict, version: int) -> dict:
    """Upcast an event's fields from its version to the newest, step by step.

    Raises:
        MalformedEvent: the version is invalid, or newer than this program.
    """
    if not 1 <= version <= NEWEST:
        raise MalformedEvent(f"version {version} is unknown here; the newest that this program reads is {NEWEST}")
    for step in range(version, NEWEST):
        fields = UPCASTERS[step](fields)
    return fields


def read(value: bytes, headers: list[tuple[str, bytes]]) -> PaymentMadeV2:
    """Return a payment of any version as version 2.

    Raises:
        MalformedEvent: the event cannot be upcast.
    """
    version = int(dict(headers).get("version", b"1"))
    fields = upcast(json.loads(value), version)
    fields.pop("type", None)
    try:
        return PaymentMadeV2(**{**fields, "at": datetime.fromisoformat(fields["at"])})
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedEvent(f"a field is missing or wrong ({error})") from None
