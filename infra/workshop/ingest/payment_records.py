"""A log of payments as the records of a topic: PaymentMade, or PaymentRefunded where an amount is below 0."""

from __future__ import annotations

from collections.abc import Iterator
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path

import numpy as np

from workshop.ingest.columns import Refused
from workshop.ingest.hints import Hints
from workshop.ingest.payment_rows import COLUMNS, Rows, rows
from workshop.ingest.prepared import Prepared, prepare
from workshop.ingest.publication_kinds import Part, Record

MADE, REFUNDED = ([("type", kind), ("version", b"1")] for kind in (b"PaymentMade", b"PaymentRefunded"))


class Payments:
    """How a file of payments is published: the key is the card, the record's time the payment's."""

    refused_type = "PaymentRefused"

    def __init__(self, hints: Hints | None = None) -> None:
        self._hints = hints
        self.first_refused: Refused | None = None

    def prepare(self, path: Path) -> Prepared:
        """Look at the whole file.

        Raises:
            WorkshopError: it cannot be read, a mandatory column is missing, or a column can be read in two ways.
        """
        prepared = prepare(path, COLUMNS, self._hints)
        prepared.check()
        return prepared

    def reading(self, prepared: Prepared) -> str:
        """How the file is read, where that can be said in more than one way."""
        return prepared.reading

    def parts(self, prepared: Prepared, chunk: int) -> Iterator[Part]:
        """The file's records, chunk by chunk."""
        for found in rows(prepared, chunk):
            self.first_refused = self.first_refused or next(iter(found.refused), None)
            yield Part(_records(found), found.refused, found.share)


def _records(rows: Rows) -> list[Record]:
    """Values are written as `PaymentMade.value()` writes them, without making an event of each."""
    refunds = (rows.cents < 0).tolist()
    terminals = ["null" if terminal is None else quoted(terminal) for terminal in rows.terminal]
    columns = (refunds, rows.customer, terminals, np.abs(rows.cents).tolist(), _iso(rows.at), rows.payment_id)
    values = [
        f'{{"type": "{"PaymentRefunded" if refund else "PaymentMade"}", "card": {quoted(card)}, "terminal": {terminal}, '
        f'"amount_cents": {cents}, "at": "{at}", "payment_id": {quoted(payment_id)}}}'.encode()
        for refund, card, terminal, cents, at, payment_id in zip(*columns, strict=True)
    ]
    keys, times = [card.encode() for card in rows.customer], rows.at.astype(np.int64).tolist()
    headers = [REFUNDED if refund else MADE for refund in refunds]
    return list(zip(keys, values, times, headers, strict=True))


def _iso(at: np.ndarray) -> list[str]:
    """As `datetime.isoformat` writes a time in UTC: with a fraction only where there is one."""
    whole = np.datetime_as_string(at, unit="s").tolist()
    fractions = (at.astype(np.int64) % 1000).tolist()
    return [f"{day}.{ms:03d}000+00:00" if ms else f"{day}+00:00" for day, ms in zip(whole, fractions, strict=True)]
