"""Events as rows: in bulk where all are clean, one by one where some are not, with the same result."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from confluent_kafka import KafkaError, KafkaException
from workshop.domain.amounts import MOST_CENTS
from workshop.domain.payments.events import PaymentMade, PaymentRefunded
from workshop.ingest import replay
from workshop.ingest.replay import Batch, Malformed

AT = datetime(2018, 4, 1, 10, 0, 0, 250_000, tzinfo=UTC)
GOOD = PaymentMade("card", "shop", 1_234, AT, "id-1").value()


def batch(*values: bytes | None) -> Batch:
    return Batch(list(values), [0] * len(values), list(range(len(values))))


def rows(*values: bytes | None) -> tuple[list[dict], list[Malformed]]:
    malformed: list[Malformed] = []
    tables = replay._rows(batch(*values), malformed)
    return [row for table in tables for row in table.to_pylist()], malformed


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(GOOD), **fields}).encode()


def test_a_payment_is_a_row_and_a_refund_has_negative_cents():
    found, malformed = rows(GOOD, PaymentRefunded("card", 34, AT, "id-2", terminal=None).value())
    assert malformed == []
    assert [(row["customer"], row["terminal"], row["cents"], row["payment_id"]) for row in found] == [
        ("card", "shop", 1_234, "id-1"),
        ("card", None, -34, "id-2"),
    ]
    assert found[0]["at"] == 1522576800250


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"[]", "it is neither a PaymentMade nor a PaymentRefunded"),
        (changed(type="AccountDebited"), "it is neither a PaymentMade nor a PaymentRefunded"),
        (changed(type=["PaymentMade"]), "it is neither a PaymentMade nor a PaymentRefunded"),
        (changed(amount_cents=-1), "amount_cents is -1"),
        (changed(amount_cents=MOST_CENTS + 1), "more than can be added up"),
        (changed(card="\ud800"), "card is '\\ud800', not text"),
        (changed(terminal=5), "terminal is 5, not text"),
        (changed(at="yesterday"), "a field is missing or wrong"),
        (json.dumps({k: v for k, v in json.loads(GOOD).items() if k != "payment_id"}).encode(), "payment_id is None"),
    ],
)
def test_an_event_that_is_no_payment_is_told_by_its_place_and_stops_no_other(value: bytes | None, reason: str):
    found, malformed = rows(GOOD, value, GOOD)
    assert [row["offset"] for row in found] == [0, 2]
    ((one),) = malformed
    assert (one.partition, one.offset) == (0, 1)
    assert reason in one.reason


def test_many_events_are_halved_until_the_wrong_ones_stand_alone():
    values = [GOOD] * 500
    values[123] = b"rubbish"
    found, malformed = rows(*values)
    assert len(found) == 499
    assert [one.offset for one in malformed] == [123]
    assert [row["offset"] for row in found] == [*range(123), *range(124, 500)]


@pytest.mark.parametrize(
    "at", ["2018-04-01T12:00:00.250+02:00", "2018-04-01T10:00:00.250", "2018-04-01T10:00:00.250999Z"]
)
def test_a_time_is_the_same_in_bulk_and_by_itself(at: str):
    (alone,), _ = rows(changed(at=at), b"")
    assert alone["at"] == 1522576800250
    (together,), _ = rows(changed(at=at))
    assert together == alone


def test_payments_are_sorted_by_time_then_partition_and_offset():
    early, late = (PaymentMade("c", "t", cents, AT + timedelta(days=cents), f"{cents}").value() for cents in (1, 2))
    same = PaymentMade("c", "t", 9, AT + timedelta(days=1), "same").value()
    malformed: list[Malformed] = []
    tables = replay._rows(Batch([late, same, early], [0, 1, 0], [5, 0, 9]), malformed)
    table = replay._table(pa.concat_tables(tables))
    assert table["payment_id"].tolist() == ["1", "same", "2"]
    assert table["at"].dtype == np.dtype("datetime64[ms]")


def test_names_that_are_numbers_are_ordered_as_numbers():
    column = pa.chunked_array([["10", "9", None, "10"]])
    found = replay._categories(column)
    assert found.categories.tolist() == ["9", "10"]
    assert found.tolist()[:2] == ["10", "9"]


class Message:
    """A message of a client, or an error in its place."""

    def __init__(self, offset: int, error: KafkaError | None = None) -> None:
        self._offset, self._error = offset, error

    def error(self) -> KafkaError | None:
        return self._error

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes:
        return b"%d" % self._offset


def test_messages_beyond_the_end_are_left_out_and_the_end_of_a_partition_counts_as_read():
    places = {0: 3}
    found = replay._sorted_out([Message(3), Message(5)], places, {0: 5})
    assert (found.values, found.offsets, places) == ([b"3"], [3], {0: 6})
    replay._sorted_out([Message(9, KafkaError(KafkaError._PARTITION_EOF))], places, {0: 9})
    assert places == {0: 9}


def test_an_error_that_passes_is_waited_for_and_another_one_is_raised():
    assert replay._sorted_out([Message(0, KafkaError(1, retriable=True))], {0: 0}, {0: 5}).values == []
    with pytest.raises(KafkaException):
        replay._sorted_out([Message(0, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))], {0: 0}, {0: 5})
