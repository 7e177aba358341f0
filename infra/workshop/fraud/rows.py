"""Reads anybody's log of card payments, CSV or Parquet, into exact rows; a row that cannot be meant is refused in words.

Clean columns are parsed in bulk; a value that is written in another way is looked at by itself. Amounts are never
converted between currencies: a sign or a word such as € or CHF is read over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop.log_files import Chunk, Columns, Refused, chunks, fingerprint
from workshop.log_values import names, times, values
from workshop.written import MOST_CENTS, RESIDUE, cents

CHUNK = 30_000  # rows
LONGEST = 1_000  # characters of a name
MANDATORY, OPTIONAL = ("TX_DATETIME", "CUSTOMER_ID", "TX_AMOUNT"), ("TERMINAL_ID", "TRANSACTION_ID")
_ADVICE = f"Name the columns of your log {', '.join(MANDATORY)}, and {', '.join(OPTIONAL)} if you have them."
COLUMNS = Columns(MANDATORY, OPTIONAL, _ADVICE)
_PLAIN_AMOUNT = r"^-?[0-9]{1,13}(\.[0-9]{1,2}0*)?$"


@dataclass(frozen=True)
class Rows:
    """A chunk of a file, in the file's order; the columns are equally long.

    Attributes:
        at: datetime64[ms], UTC; cents: int64, negative for a refund; terminal: None where nobody knows.
        payment_id: the row's TRANSACTION_ID, or where it has none "<first 12 hex digits of the file's SHA-256>-<line>".
        refused: the chunk's other rows.
        share: how much of the file has been read, 0 to 1.
    """

    customer: list[str]
    terminal: list[str | None]
    at: np.ndarray
    cents: np.ndarray
    payment_id: list[str]
    refused: list[Refused]
    share: float


def read(path: Path, chunk: int = CHUNK) -> Iterator[Rows]:
    """Read a log of payments, CSV (also .gz; separated by comma, semicolon, tab or bar) or Parquet, chunk by chunk.

    Args:
        chunk: how many rows, taken or refused, are in each chunk but the last.

    Raises:
        WorkshopError: the file cannot be read, or a mandatory column is missing; the columns found are named.
    """
    prefix = fingerprint(path)[:12]
    for part in chunks(path, chunk, COLUMNS):
        yield _take(part, prefix)


def _take(part: Chunk, prefix: str) -> Rows:
    """Turn a chunk's text into values; the first reason against a row counts."""
    size = len(part.lines)
    at, no_time = times(part.columns["TX_DATETIME"])
    amounts, no_amount = _amounts(part.columns["TX_AMOUNT"])
    texts = {name: names(part.columns.get(name, pa.nulls(size, pa.string()))) for name in ("CUSTOMER_ID", *OPTIONAL)}
    against = no_amount | no_time | _against_names(texts)
    refused = [Refused(part.lines[i], reason, part.show(i)) for i, reason in sorted(against.items())]
    kept = [i for i in range(size) if i not in against] if against else range(size)
    customer, terminal, given = ([texts[name][i] for i in kept] for name in ("CUSTOMER_ID", *OPTIONAL))
    return Rows(
        customer=customer,
        terminal=[name or None for name in terminal],
        at=at[list(kept)].astype("datetime64[ms]") if against else at.astype("datetime64[ms]"),
        cents=amounts[list(kept)] if against else amounts,
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
            elif "\ufffd" in value:
                against[i] = f"{column} is not UTF-8 text"
            elif not value and column == "CUSTOMER_ID":
                against[i] = "there is no CUSTOMER_ID"
    return against


def _amounts(column: pa.Array) -> tuple[np.ndarray, dict[int, str]]:
    if pa.types.is_floating(column.type):
        found, against = _float_cents(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False))
    else:
        found, against = _text_cents(column)
    for i in np.flatnonzero(np.abs(found) > MOST_CENTS).tolist():
        against[i] = f"the amount {found[i] // 100:,} is too large"
    return found, against


def _text_cents(column: pa.Array) -> tuple[np.ndarray, dict[int, str]]:
    return values(column, _PLAIN_AMOUNT, lambda texts: _unscaled(pc.cast(texts, pa.decimal128(17, 2))), cents)


def _unscaled(amounts: pa.Array) -> pa.Array:
    return pc.cast(pc.multiply(amounts, pa.scalar(Decimal(100))), pa.int64())


def _float_cents(amounts: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """Cents of binary fractions: exact, as long as each is within 1e-6 of a whole cent."""
    known = np.isfinite(amounts) & (np.abs(amounts) <= MOST_CENTS / 100)
    whole = np.rint(np.where(known, amounts, 0) * 100)
    exact = known & (np.abs(np.where(known, amounts, 0) - whole / 100) <= float(RESIDUE))
    against = {}
    for i in np.flatnonzero(~exact).tolist():
        why = "has more than two decimals" if known[i] else "is no amount"
        against[i] = f"the amount {amounts[i]} {why}"
    return whole.astype(np.int64), against
