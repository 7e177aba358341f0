"""Reading of a log of card payments into exact rows; invalid rows are refused with a reason.

Clean columns are parsed in bulk, values in other notations one by one. Amounts are never converted between currencies: a sign
or a word such as € or CHF is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from workshop.ingest.columns import Chunk, Columns, Refused
from workshop.ingest.hints import Hints
from workshop.ingest.prepared import Prepared, prepare
from workshop.ingest.values import Conventions, amounts, damaged, names, times

CHUNK = 30_000  # rows
LONGEST = 1_000  # characters of a name
MANDATORY, OPTIONAL = ("TX_DATETIME", "CUSTOMER_ID", "TX_AMOUNT"), ("TERMINAL_ID", "TRANSACTION_ID")
_ADVICE = f"Name the columns of your log {', '.join(MANDATORY)}, and {', '.join(OPTIONAL)} if you have them."
COLUMNS = Columns(MANDATORY, OPTIONAL, _ADVICE, time="TX_DATETIME", amount="TX_AMOUNT")


@dataclass(frozen=True)
class Rows:
    """A chunk of a file, in the file's order; the columns have equal length.

    Attributes:
        at: datetime64[ms], UTC; cents: int64, negative for a refund; terminal: None if unknown.
        payment_id: the row's TRANSACTION_ID, or "<first 12 hex digits of the file's SHA-256>-<line>" without one.
        refused: the refused rows of the chunk.
        share: the share of the file that has been read, 0 to 1.
    """

    customer: list[str]
    terminal: list[str | None]
    at: np.ndarray
    cents: np.ndarray
    payment_id: list[str]
    refused: list[Refused]
    share: float


def read(path: Path, chunk: int = CHUNK, hints: Hints | None = None) -> Iterator[Rows]:
    """Read a log of payments chunk by chunk; invalid and ambiguous rows are refused one by one.

    Args:
        chunk: the number of rows, accepted or refused, in each chunk except the last.

    Raises:
        WorkshopError: the file cannot be read, or a mandatory column is missing; the message has the columns found.
    """
    yield from rows(prepare(path, COLUMNS, hints), chunk)


def rows(prepared: Prepared, chunk: int = CHUNK) -> Iterator[Rows]:
    """Read a prepared log chunk by chunk; each call yields the same rows."""
    for part in prepared.chunks(chunk):
        yield _take(part, prepared.prefix, prepared.how)


def _take(part: Chunk, prefix: str, how: Conventions) -> Rows:
    """Convert a chunk's text to values; a refused row has one reason."""
    size = len(part.lines)
    at, no_time = times(part.columns["TX_DATETIME"], how)
    cents, no_amount = amounts(part.columns["TX_AMOUNT"], how)
    texts = {name: names(part.columns.get(name, pa.nulls(size, pa.string()))) for name in ("CUSTOMER_ID", *OPTIONAL)}
    against = damaged(part.columns) | no_amount | no_time | _against_names(texts)
    refused = [Refused(part.lines[i], reason, part.show(i)) for i, reason in sorted(against.items())]
    kept = [i for i in range(size) if i not in against] if against else range(size)
    customer, terminal, given = ([texts[name][i] for i in kept] for name in ("CUSTOMER_ID", *OPTIONAL))
    return Rows(
        customer=customer,
        terminal=[name or None for name in terminal],
        at=at[list(kept)].astype("datetime64[ms]") if against else at.astype("datetime64[ms]"),
        cents=cents[list(kept)] if against else cents,
        payment_id=[name or f"{prefix}-{part.lines[i]}" for i, name in zip(kept, given, strict=True)],
        refused=sorted(part.refused + refused, key=lambda row: row.line),
        share=part.share,
    )


def _against_names(texts: dict[str, list[str]]) -> dict[int, str]:
    against = {}
    for column, found in texts.items():
        for i, value in enumerate(found):
            if len(value) > LONGEST:
                against[i] = f"{column} has more than {LONGEST:,} characters"
            elif not value and column == "CUSTOMER_ID":
                against[i] = "there is no CUSTOMER_ID"
    return against
