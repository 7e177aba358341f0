"""Payments of a file as records of a topic: written as the events themselves are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.domain.payments import parse
from workshop.domain.payments.events import PaymentMade, PaymentRefunded
from workshop.ingest.payment_records import Payments
from workshop.ingest.publication_kinds import Part, Record

HEADER = "TX_DATETIME,CUSTOMER_ID,TX_AMOUNT,TERMINAL_ID,TRANSACTION_ID\n"


def parts(folder: Path, *rows: str, chunk: int = 100) -> tuple[Payments, list[Part]]:
    file = folder / "log.csv"
    file.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    kind = Payments()
    return kind, list(kind.parts(kind.prepare(file), chunk))


def records(folder: Path, *rows: str) -> list[Record]:
    return [record for part in parts(folder, *rows)[1] for record in part.records]


@pytest.mark.parametrize(
    "row", ["2018-04-01 10:00:00,card,12.34,shop,id-1", '2018-04-01 10:00:00.25,"c""é\\",0.00,"t\t",☃']
)
def test_a_payment_is_written_as_its_event_writes_itself(tmp_path: Path, row: str):
    ((key, value, at, headers),) = records(tmp_path, row)
    event = parse(value)
    assert isinstance(event, PaymentMade)
    assert (key, value, at, headers) == (event.key(), event.value(), event.timestamp_ms(), event.headers())


def test_an_amount_below_zero_is_a_refund_of_that_amount(tmp_path: Path):
    ((_, value, _, headers),) = records(tmp_path, "2018-04-01,card,-5.00,,id-1")
    event = parse(value)
    assert isinstance(event, PaymentRefunded)
    assert (event.amount_cents, event.terminal) == (500, None)
    assert headers[0] == ("type", b"PaymentRefunded")


def test_a_payment_without_a_name_is_named_after_its_file_and_line(tmp_path: Path):
    first, second = (parse(record[1]).payment_id for record in records(tmp_path, *["2018-04-01,card,1,t,"] * 2))
    assert first.endswith("-2")
    assert second.endswith("-3")
    assert len(first) == len("123456789abc-2")


def test_the_first_row_that_was_refused_is_kept_over_all_chunks(tmp_path: Path):
    rows = ["2018-04-01,card,1,t,a", "2018-04-01,,1,t,b", "2018-04-01,card,many,t,c"]
    kind, found = parts(tmp_path, *rows, chunk=1)
    assert [len(part.records) for part in found] == [1, 0, 0]
    assert [one.line for part in found for one in part.refused] == [3, 4]
    assert kind.first_refused is not None
    assert kind.first_refused.line == 3


def test_a_file_that_can_be_read_in_two_ways_is_refused_as_a_whole(tmp_path: Path):
    with pytest.raises(WorkshopError, match="--dates"):
        parts(tmp_path, "01/02/2018,card,1,t,a")
