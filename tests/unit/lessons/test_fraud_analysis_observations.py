"""The observations of lesson 05: which answer belongs to which payment, and after how long."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from workshop.domain.payments.events import AccountDebited, AccountOpened, PaymentDeclined
from workshop.lessons.fraud_analysis.observations import Moment, Moments

ABOUT = ("card", 100, datetime(2018, 4, 1, tzinfo=UTC))


@pytest.fixture
def moments() -> Moments:
    return Moments(began=time.monotonic() - 10, payments={"id": Moment(made=4.0, cents=100)})


def test_a_debit_is_noted_with_the_time_since_the_payment(moments: Moments):
    moments.note(AccountDebited(*ABOUT, "id").value())
    moment = moments.payments["id"]
    assert moment.debited >= 6.0
    assert not moment.declined
    assert moment.flagged is None
    assert moments.all_debited()


def test_a_payment_that_was_declined_counts_as_answered(moments: Moments):
    moments.note(PaymentDeclined(*ABOUT, "id", reason="too little").value())
    assert moments.payments["id"].declined
    assert moments.payments["id"].debited is not None


def test_the_first_of_equal_answers_counts(moments: Moments):
    moments.payments["id"].debited = 1.0
    moments.note(PaymentDeclined(*ABOUT, "id").value())
    assert (moments.payments["id"].debited, moments.payments["id"].declined) == (1.0, False)


def test_any_object_with_the_payments_id_is_an_alert(moments: Moments):
    moments.note(json.dumps({"payment_id": "id", "because": "much larger than usual"}).encode())
    assert moments.payments["id"].because == "much larger than usual"
    assert moments.payments["id"].flagged is not None
    assert not moments.all_debited()


def test_debits_of_other_payments_are_counted_as_the_past(moments: Moments):
    moments.note(AccountDebited(*ABOUT, "other").value())
    moments.note(AccountOpened(*ABOUT, "another").value())
    assert moments.past == 1


@pytest.mark.parametrize("value", [AccountOpened(*ABOUT, "id").value(), b"[1]", b"fraud!", b"{}", None])
def test_what_belongs_to_no_payment_of_the_demonstration_is_ignored(moments: Moments, value: bytes | None):
    moments.note(value)
    assert moments.payments["id"] == Moment(made=4.0, cents=100)
    assert moments.past == 0
