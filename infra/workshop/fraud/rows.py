"""Reads anybody's log of card payments, CSV or Parquet, into exact rows; a row that cannot be meant is refused in words.

Clean columns are parsed in bulk; a value that is written in another way is looked at by itself. Amounts are never
converted between currencies: a sign or a word such as € or CHF is read over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop.fraud.log_files import OPTIONAL, Chunk, Refused, chunks, fingerprint
from workshop.fraud.written import MOST_CENTS, RESIDUE, Unreadable, cents, moment

CHUNK = 30_000  # rows
LONGEST = 1_000  # characters of a name
LAST_MS = 7_258_118_400_000  # the year 2200; a record's time in Kafka begins with 1970
_PLAIN_AMOUNT = r"^-?[0-9]{1,13}(\.[0-9]{1,2}0*)?$"
_PLAIN_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?$"


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
    for part in chunks(path, chunk):
        yield _take(part, prefix)


def _take(part: Chunk, prefix: str) -> Rows:
    """Turn a chunk's text into values; the first reason against a row counts."""
    size = len(part.lines)
    at, no_time = _times(part.columns["TX_DATETIME"])
    amounts, no_amount = _amounts(part.columns["TX_AMOUNT"])
    names = {name: _names(part.columns.get(name, pa.nulls(size, pa.string()))) for name in ("CUSTOMER_ID", *OPTIONAL)}
    against = no_amount | no_time | _against_names(names)
    refused = [Refused(part.lines[i], reason, part.show(i)) for i, reason in sorted(against.items())]
    kept = [i for i in range(size) if i not in against] if against else range(size)
    customer, terminal, given = ([names[name][i] for i in kept] for name in ("CUSTOMER_ID", *OPTIONAL))
    return Rows(
        customer=customer,
        terminal=[name or None for name in terminal],
        at=at[list(kept)].astype("datetime64[ms]") if against else at.astype("datetime64[ms]"),
        cents=amounts[list(kept)] if against else amounts,
        payment_id=[name or f"{prefix}-{part.lines[i]}" for i, name in zip(kept, given, strict=True)],
        refused=sorted(part.refused + refused, key=lambda row: row.line),
        share=part.share,
    )


def _names(column: pa.Array) -> list[str]:
    """Text as it stands, without blanks around it; empty where there is none. `NA` and `null` are names like others."""
    if pa.types.is_floating(column.type):  # a column of whole numbers with gaps, as pandas writes it
        whole = [value is not None and value == value // 1 for value in column.to_pylist()]
        column = pa.array(
            [str(int(v)) if w else str(v or "") for v, w in zip(column.to_pylist(), whole, strict=True)], pa.string()
        )
    return pc.utf8_trim_whitespace(pc.fill_null(pc.cast(column, pa.string()), "")).to_pylist()


def _against_names(names: dict[str, list[str]]) -> dict[int, str]:
    against = {}
    for column, values in names.items():
        for i, value in enumerate(values):
            if len(value) > LONGEST:
                against[i] = f"{column} has more than {LONGEST:,} characters"
            elif "\ufffd" in value:
                against[i] = f"{column} is not UTF-8 text"
            elif not value and column == "CUSTOMER_ID":
                against[i] = "there is no CUSTOMER_ID"
    return against


def _times(column: pa.Array) -> tuple[np.ndarray, dict[int, str]]:
    if pa.types.is_temporal(column.type):
        column = pc.fill_null(pc.cast(pc.cast(column, _instant(column.type), safe=False), pa.int64()), -1)
        values, against = column.to_numpy(), {}
    else:
        values, against = _values(column, _PLAIN_TIME, lambda texts: pc.cast(texts, pa.timestamp("ms")), moment)
    for i in np.flatnonzero((values < 0) | (values > LAST_MS)).tolist():
        against[i] = "its time is missing, or not between 1970 and 2200"
    return values, against


def _instant(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp("ms", getattr(kind, "tz", None))


def _amounts(column: pa.Array) -> tuple[np.ndarray, dict[int, str]]:
    if pa.types.is_floating(column.type):
        values, against = _float_cents(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False))
    else:
        values, against = _text_cents(column)
    for i in np.flatnonzero(np.abs(values) > MOST_CENTS).tolist():
        against[i] = f"the amount {values[i] // 100:,} is too large"
    return values, against


def _text_cents(column: pa.Array) -> tuple[np.ndarray, dict[int, str]]:
    return _values(column, _PLAIN_AMOUNT, lambda texts: _unscaled(pc.cast(texts, pa.decimal128(17, 2))), cents)


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


def _values(column: pa.Array, plain: str, bulk: Callable, one: Callable) -> tuple[np.ndarray, dict[int, str]]:
    """What is written plainly is converted in bulk, the rest one by one; returns int64 and the reasons against rows."""
    texts = pc.fill_null(pc.cast(column, pa.string()), "")
    clean = pc.match_substring_regex(texts, plain).to_numpy(zero_copy_only=False)
    values = np.zeros(len(texts), np.int64)
    try:
        values[clean] = pc.cast(bulk(texts.filter(pa.array(clean))), pa.int64()).to_numpy()
    except pa.ArrowInvalid:  # one of them is no value after all, such as 30 February
        clean[:] = False
    against = {}
    for i in np.flatnonzero(~clean).tolist():
        try:
            values[i] = one(texts[i].as_py())
        except Unreadable as reason:
            against[i] = str(reason)
    return values, against
