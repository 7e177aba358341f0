"""The events of the story: written as bytes, read back the same, refused with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from workshop.domain.payments import MalformedEvent, PaymentMade, parse
from workshop.notebook import story

PAYMENT = PaymentMade("card-0001", "terminal-00002", 4200, datetime(2018, 6, 12, 12, 0, 0, 5, tzinfo=UTC), "p-1")


def test_what_is_read_back_is_what_was_written():
    assert PaymentMade.parse(PAYMENT.value()) == PAYMENT
    assert PAYMENT.key() == b"card-0001"
    assert PAYMENT.timestamp_ms() == 1528804800000


def changed(**fields: object) -> bytes:
    content = {**json.loads(PAYMENT.value()), **fields}
    return json.dumps({name: value for name, value in content.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "not a JSON object"),
        (changed(type="AccountDebited"), "not a PaymentMade"),
        (changed(at="yesterday"), "missing or wrong"),
        (changed(at=5), "missing or wrong"),
        (changed(card=None), "missing or wrong"),
        (changed(colour="red"), "missing or wrong"),
        (changed(amount_cents=-5), "amount_cents is -5"),
        (changed(amount_cents=1.5), r"amount_cents is 1\.5"),
        (changed(amount_cents=True), "amount_cents is True"),
        (changed(amount_cents="42"), "amount_cents is '42'"),
    ],
)
def test_bytes_that_are_no_payment_are_refused_with_a_reason(value: bytes | None, reason: str):
    with pytest.raises(MalformedEvent, match=reason):
        PaymentMade.parse(value)


@pytest.mark.parametrize("kind", [None, 5, [], {}, "", "NoSuchEvent"])
def test_a_value_of_no_known_type_is_malformed(kind: object):
    with pytest.raises(MalformedEvent, match="none of the story's events"):
        parse(json.dumps({"type": kind}).encode())


def test_the_storys_payments_are_half_a_year_of_250_cards():
    rows = story.payments()
    assert rows["CUSTOMER_ID"].nunique() == len(set(rows["CUSTOMER_ID"])) <= 250
    assert rows["TX_DATETIME"].is_monotonic_increasing
    first = next(story.events(rows))
    assert PaymentMade.parse(first.value()) == first
    cents = sum(event.amount_cents for event in story.events(rows.head(2000)))
    assert cents == round(rows["TX_AMOUNT"].head(2000).sum() * 100)
