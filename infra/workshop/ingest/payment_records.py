"""A log of payments as records of a topic: PaymentMade, or PaymentRefunded for an amount below 0."""

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
    """A file of payments as records: the key is the card, the timestamp is the time of the payment."""

    refused_type = "PaymentRefused"

    def __init__(self, hints: Hints | None = None) -> None:
        self._hints = hints
        self.first_refused: Refused | None = None

    def prepare(self, path: Path) -> Prepared:
        """Examine the whole file.

        Raises:
            WorkshopError: the file cannot be read, a mandatory column is missing, or a column is ambiguous.
        """
        prepared = prepare(path, COLUMNS, self._hints)
        prepared.check()
        return prepared

    def reading(self, prepared: Prepared) -> str:
        """Return a text about the way in which the file is read; empty if there is only one."""
        return prepared.reading

    def parts(self, prepared: Prepared, chunk: int) -> Iterator[Part]:
        """Yield the file's records, chunk by chunk."""
        for found in rows(prepared, chunk):
            self.first_refused = self.first_refused or next(iter(found.refused), None)
            yield Part(_records(found), found.refused, found.share)


def _records(rows: Rows) -> list[Record]:
    """Return records with the values of `PaymentMade.value()`, without the creation of an event for each."""
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
    """Return times in the format of `datetime.isoformat` in UTC: with a fraction only if it is not 0."""
    whole = np.datetime_as_string(at, unit="s").tolist()
    fractions = (at.astype(np.int64) % 1000).tolist()
    return [f"{day}.{ms:03d}000+00:00" if ms else f"{day}+00:00" for day, ms in zip(whole, fractions, strict=True)]
