"""How many records wait behind the last one, and the time of a new record."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from services.runtime.records import behind, written_at
from workshop.domain.payments import PaymentMade

PLACE = TopicPartition("payments", 0)


def consumer(end: int | None, *held: TopicPartition) -> SimpleNamespace:
    return SimpleNamespace(assignment=lambda: set(held), highwater=lambda place: end)


@pytest.mark.parametrize(("end", "waiting"), [(10, 5), (5, 0), (3, 0), (None, 0), (0, 0)])
def test_records_after_the_last_one_wait(end: int | None, waiting: int):
    records = [SimpleNamespace(offset=3), SimpleNamespace(offset=4)]
    assert behind(consumer(end, PLACE), PLACE, records) == waiting


def test_nothing_waits_in_a_partition_that_others_hold_by_now():
    held = TopicPartition("payments", 1)
    assert behind(consumer(10, held), PLACE, [SimpleNamespace(offset=4)]) == 0


def payment_of(year: int) -> PaymentMade:
    return PaymentMade("card", "terminal", 1, datetime(year, 1, 1, tzinfo=UTC), "id")


def test_a_record_has_the_time_of_its_event():
    assert written_at(payment_of(2018)) == 1514764800000


def test_no_record_lies_in_the_future_or_before_1970():
    before = int(time.time() * 1000)
    assert before <= written_at(payment_of(9000)) <= int(time.time() * 1000)
    assert written_at(payment_of(1950)) == 0
