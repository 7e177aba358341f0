"""What the tests of files share: a log of payments or events as it is read, and the sentence with which it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.ingest import payment_rows as payments
from workshop.ingest.event_log_rows import Events, Reading, read
from workshop.ingest.hints import Hints
from workshop.ingest.payment_rows import COLUMNS, Rows
from workshop.ingest.prepared import Prepared, prepare

HEADER = "TX_DATETIME;CUSTOMER_ID;TX_AMOUNT"
NOON = "2024-01-02 12:00:00"
READING = Reading("case", "at", "act")


def written(path: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    """The file."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def accepted(path: Path, **hints: object) -> tuple[Prepared, Rows]:
    """A log of payments as it would be published: accepted as a whole, in one chunk."""
    prepared = prepare(path, COLUMNS, Hints(**hints))
    prepared.check()
    (found,) = payments.rows(prepared)
    return prepared, found


def refusal(path: Path, **hints: object) -> str:
    """The sentences with which a log of payments is refused as a whole."""
    with pytest.raises(WorkshopError) as error:
        accepted(path, **hints)
    return str(error.value)


def with_amounts(path: Path, *amounts: str) -> Path:
    """A log of payments of such amounts."""
    rows = [f'{NOON};c{i};"{amount}"' for i, amount in enumerate(amounts)]
    return written(path / "log.csv", "\n".join([HEADER, *rows, ""]))


def with_times(path: Path, *times: str) -> Path:
    """A log of payments at such times."""
    return written(path / "log.csv", "\n".join([HEADER, *(f'"{time}";c;1' for time in times), ""]))


def event_log(path: Path, reading: Reading = READING, **hints: object) -> Events:
    """An event log in one chunk."""
    (found,) = read(path, reading, hints=Hints(**hints))
    return found
