"""Orders of clients, and the payments that they become."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from workshop.domain.payments import PaymentMade

MOST_CENTS = 100_000_000  # a million euros
NAMESPACE = uuid.UUID("5d1f5b2e-8f0e-4a43-9d0f-0f3b0a6f4c11")  # of this service only: ids of other programs differ
EARLIEST, AHEAD = datetime(2000, 1, 1, tzinfo=UTC), timedelta(minutes=5)  # tolerance for fast clocks of terminals


class NotAnOrder(ValueError):
    """The request is not a valid order; `reasons` lists why, in sentences."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("it should be printable, without spaces around it")
    return text


def _in_time(at: datetime) -> datetime:
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if not EARLIEST <= at <= datetime.now(UTC) + AHEAD:
        raise ValueError("it should lie between the year 2000 and now")
    return at


Name = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]


class Order(BaseModel):
    """The body of `POST /payments`. A time without a zone is UTC; without a time, the payment is made now."""

    model_config = ConfigDict(strict=True, extra="forbid")

    card: Name
    terminal: Name
    amount_cents: Annotated[int, Field(ge=0, le=MOST_CENTS)]
    at: Annotated[datetime, AfterValidator(_in_time)] = Field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def parse(cls, body: bytes) -> Order:
        """Read an order.

        Raises:
            NotAnOrder: the body is invalid; `reasons` has each problem.
        """
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise NotAnOrder([_reason(found) for found in error.errors(include_url=False)]) from None

    def payment(self, key: str | None) -> PaymentMade:
        """Return the payment for this order."""
        payment_id = payment_id_of(key, self.card) if key else uuid.uuid4().hex
        return PaymentMade(self.card, self.terminal, self.amount_cents, self.at, payment_id)


def payment_id_of(key: str, card: str) -> str:
    """Return the payment id for a card and an idempotency key.

    The id is derived, nothing is stored: it is the same on every replica, also after a crash. Guarantee: `debits`
    debits a card's order once, however often it is sent with one key; `payments` may contain all copies, because a
    repeated order is published too. Not guaranteed: a comparison of the repeated order with the first. With another
    amount it is the same payment, and the first one in the log is debited. A key belongs to a card: the same key with
    another card is another payment.
    """
    return uuid.uuid5(NAMESPACE, f"{card}\n{key}").hex


def checked_key(key: str | None) -> str | None:
    """Return the idempotency key unchanged.

    Raises:
        NotAnOrder: the key is invalid.
    """
    if key is not None and not (1 <= len(key) <= 200 and key.isascii() and key.isprintable()):
        raise NotAnOrder(["Idempotency-Key: it should be 1 to 200 printable ASCII characters."])
    return key


def _reason(found: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in found["loc"])
    said = found["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{where}: {said}." if where else f"{said}."
