"""Events of the story: amounts are integers of any kind, and stored as `int`."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from workshop.domain.payments import PaymentMade, PaymentRefunded
from workshop.domain.payments.events import EVENTS, CardEvent, MalformedEvent
from workshop.domain.payments.limits import LimitExceeded
from workshop.domain.payments.versions import PaymentMadeV2

AT = datetime(2018, 4, 1, tzinfo=UTC)
OTHERS = sorted(
    (kind for kind in (*EVENTS.values(), LimitExceeded) if kind is not PaymentMade), key=lambda kind: kind.__name__
)


@pytest.mark.parametrize("amount", [np.int64(1001), np.uint16(1001), 1001])
def test_an_amount_of_any_integer_type_is_stored_as_an_int(amount: object):
    made = PaymentMade("card", "terminal", amount, AT, "p")
    assert type(made.amount_cents) is int
    assert PaymentMade.parse(made.value()) == made
    version_2 = PaymentMadeV2("card", "terminal", "web", amount, "EUR", AT, "p")
    assert b'"amount_cents": 1001' in version_2.value()


@pytest.mark.parametrize("kind", OTHERS)
def test_every_event_with_an_amount_takes_numpys_integers(kind: type[CardEvent]):
    event = kind(card="card", amount_cents=np.int32(5), at=AT, payment_id="p")
    assert type(event.amount_cents) is int
    assert b'"amount_cents": 5' in event.value()


@pytest.mark.parametrize("amount", [10.5, True, "5", None])
def test_what_is_no_integer_is_stored_as_it_is_and_refused_by_a_reader(amount: object):
    made = PaymentRefunded("card", amount, AT, "p")
    assert made.amount_cents is amount
    with pytest.raises(MalformedEvent, match="amount_cents"):
        PaymentRefunded.parse(made.value())
