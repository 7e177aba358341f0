"""Names of commands and events, of any field of life."""

from __future__ import annotations

import pytest
from workshop.lessons.healthcare_and_retail.commands import asks


@pytest.mark.parametrize(
    "name", ["LendBook", "BookRoom", "book_room", "ReturnBicycle", "order.pizza", "CancelOrder", "OrderPizza", "Pay"]
)
def test_a_request_is_a_command(name: str):
    assert asks(name)


@pytest.mark.parametrize(
    "name",
    [
        "BookLent",
        "RoomBooked",
        "OrderPlaced",
        "ReturnCorrected",
        "order.paid",
        "loan_extended",
        "TicketSold",
        "Order",
        "Check",
        "LivreEmprunté",
        "PatientSeen",
        "CheckedIn",
        "",
        "Geburt",
    ],
)
def test_a_fact_or_an_unknown_word_is_none(name: str):
    assert not asks(name)
