"""Columns as values: names, times as milliseconds, amounts as cents, and reasons to refuse rows.

Values in plain notations are converted in bulk, others one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop.domain.amounts import COMMA, MOST_CENTS, POINT, RESIDUE, Unreadable, cents
from workshop.ingest.columns import TYPED
from workshop.ingest.dates import UNITS, moment

LAST_MS = 7_258_118_400_000  # the year 2200; timestamps in Kafka begin with 1970
PLAIN_TIME = (
    r"^(19[7-9][0-9]|2[01][0-9]{2})-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.([0-9]{3}|[0-9]{6}|[0-9]{9}))?Z?)?)?$"
)
PLAIN_AMOUNT = {
    POINT: r"^-?[0-9]{1,13}(\.([0-9]{1,2}|[0-9]{2}00+))?$",
    COMMA: r"^-?[0-9]{1,13}(,([0-9]{1,2}|[0-9]{2}00+))?$",
}
_TYPED_AMOUNT = rf"^-?[0-9]{{1,13}}(\.[0-9]{{1,2}})?{TYPED}$"
DAMAGED = "\ufffd"


@dataclass(frozen=True)
class Conventions:
    """The conventions of a table's columns.

    Attributes:
        order: the order of day and month, one of `dates.ORDERS`; empty if it is unknown.
        short_years: whether the order also applies to years of two digits.
        unit: the unit of times that are numbers, one of `dates.UNITS`.
        decimal: the decimal sign of amounts; empty if it is unknown.
        whole: whether all amounts of a column of binary fractions are whole numbers.
    """

    order: str = ""
    short_years: bool = False
    unit: str = ""
    decimal: str = ""
    whole: bool = False


PLAIN = Conventions()


def names(column: pa.Array) -> list[str]:
    """Return text without surrounding blanks; empty for missing values. `NA` and `null` are names."""
    if pa.types.is_floating(column.type):  # a column of whole numbers with gaps, as pandas writes it
        whole = [value is not None and value == value // 1 for value in column.to_pylist()]
        column = pa.array(
            [str(int(v)) if w else str(v or "") for v, w in zip(column.to_pylist(), whole, strict=True)], pa.string()
        )
    return pc.utf8_trim_whitespace(pc.fill_null(pc.cast(column, pa.string()), "")).to_pylist()


def times(column: pa.Array, how: Conventions = PLAIN) -> tuple[np.ndarray, dict[int, str]]:
    """Return milliseconds since 1970, UTC, and by position the reasons to refuse invalid times."""
    against: dict[int, str] = {}
    if pa.types.is_temporal(column.type):
        cut = pc.cast(pc.cast(column, _instant(column.type), safe=False), pa.int64())
        found = pc.fill_null(cut, -1).to_numpy()
    elif how.unit and is_number(column.type):
        found = _epoch(column, how.unit)
    else:
        found, against = values(
            column,
            {PLAIN_TIME: _bulk_times} | ({r"^[0-9]{1,18}$": _bulk_epoch(how.unit)} if how.unit else {}),
            lambda text: moment(text, how.order, how.unit, how.short_years),
        )
    for i in np.flatnonzero((found < 0) | (found > LAST_MS)).tolist():
        against.setdefault(i, "its time is missing, or not between 1970 and 2200")
    return found, against


def is_number(kind: pa.DataType) -> bool:
    """Return whether a column contains numbers."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _instant(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp("ms", getattr(kind, "tz", None))


def _bulk_times(texts: pa.Array) -> pa.Array:
    return pc.cast(pc.cast(pc.utf8_rtrim(texts, "Z"), pa.timestamp("ns")), pa.timestamp("ms"), safe=False)


def _bulk_epoch(unit: str) -> Callable[[pa.Array], pa.Array]:
    return lambda texts: pa.array(_epoch(pc.cast(texts, pa.int64()), unit))


def _epoch(column: pa.Array, unit: str) -> np.ndarray:
    """Return milliseconds; -1 for missing values and for times not between 1970 and 2200."""
    if pa.types.is_decimal(column.type):
        column = pc.cast(column, pa.float64())
    numbers = column.to_numpy(zero_copy_only=False)
    most = LAST_MS * (10**6 // UNITS[unit] if unit != "s" else 1) // (1 if unit != "s" else 1000)
    if np.issubdtype(numbers.dtype, np.floating):
        known = np.isfinite(numbers) & (numbers >= 0) & (numbers <= most)
        scaled = np.where(known, numbers, 0) * (UNITS[unit] / 1_000)  # whole microseconds: the precision of a float
        return np.where(known, np.rint(scaled).astype(np.int64) // 1_000, -1)
    known = (numbers >= 0) & (numbers <= most)
    numbers = np.where(known, numbers, 0).astype(np.int64)
    return np.where(known, numbers * 1_000 if unit == "s" else numbers // (10**6 // UNITS[unit]), -1)


def amounts(column: pa.Array, how: Conventions = PLAIN) -> tuple[np.ndarray, dict[int, str]]:
    """Return cents, and by position the reasons to refuse invalid amounts."""
    if pa.types.is_floating(column.type):
        found, against = _float_cents(column, how.whole)
    else:
        found, against = values(
            column,
            {PLAIN_AMOUNT[POINT]: _unscaled, PLAIN_AMOUNT[COMMA]: _unscaled_comma, _TYPED_AMOUNT: _unscaled_typed},
            lambda text: cents(text, POINT if is_number(column.type) else how.decimal),
        )
        against = {i: reason.replace(f"{TYPED}'", "'") for i, reason in against.items()}
    for i in np.flatnonzero(np.abs(found) > MOST_CENTS).tolist():
        against.setdefault(i, f"the amount {found[i] // 100:,} is too large")
    return found, against


def _unscaled(texts: pa.Array) -> pa.Array:
    return pc.cast(pc.multiply(pc.cast(texts, pa.decimal128(17, 2)), pa.scalar(Decimal(100))), pa.int64())


def _unscaled_comma(texts: pa.Array) -> pa.Array:
    return _unscaled(pc.replace_substring(texts, ",", "."))


def _unscaled_typed(texts: pa.Array) -> pa.Array:
    return _unscaled(pc.utf8_slice_codeunits(texts, 0, -len(TYPED)))


def _float_cents(column: pa.Array, whole_units: bool) -> tuple[np.ndarray, dict[int, str]]:
    """Return the cents of binary fractions, and the reasons to refuse inexact ones.

    The precision of the column decides which fractions can mean whole cents.
    """
    given = column.to_numpy(zero_copy_only=False)
    size = np.abs(given.astype(np.float64))
    known = np.isfinite(size) & (size <= MOST_CENTS / 100)
    size = np.where(known, size, 0)
    step = np.spacing(np.where(known, np.abs(given), 0).astype(given.dtype)).astype(np.float64)
    whole = np.rint(size * 100)
    # A value in whole cents is within half a step; in double precision, sums have an error of a few more steps.
    allowed = np.maximum(float(RESIDUE), step * (2 if given.dtype == np.float64 else 0.5000001))
    exact = known & (np.abs(size - whole / 100) <= allowed)
    coarse = known & (step > 0.01) & ~(whole_units & (step <= 1))
    against = {}
    for i in np.flatnonzero(~exact | coarse).tolist():
        why = "has more than two decimals" if known[i] else "is no amount"
        if coarse[i]:
            why = f"is a fraction of {given.dtype.itemsize * 8} bits, which holds no cents of such an amount"
        against[i] = f"the amount {given[i]} {why}"
    return np.where(given < 0, -whole, whole).astype(np.int64), against


def damaged(columns: dict[str, pa.Array]) -> dict[int, str]:
    """Return the reasons to refuse rows with U+FFFD, which another program wrote for a lost letter."""
    against: dict[int, str] = {}
    for name, column in columns.items():
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            lost = pc.fill_null(pc.match_substring(column, DAMAGED), False)
            if pc.any(lost).as_py():
                for i in np.flatnonzero(lost.to_numpy(zero_copy_only=False)).tolist():
                    against.setdefault(i, f"{name} has letters that were lost before (U+FFFD)")
    return against


Bulk = Callable[[pa.Array], pa.Array]


def values(column: pa.Array, bulk: dict[str, Bulk], one: Callable[[str], int]) -> tuple[np.ndarray, dict[int, str]]:
    """Convert values that match a pattern in bulk, others one by one; return int64, and reasons to refuse."""
    texts = pc.fill_null(pc.cast(column, pa.string()), "")
    found, left = np.zeros(len(texts), np.int64), np.ones(len(texts), bool)
    for pattern, convert in bulk.items():
        if not left.any():
            break
        clean = left & pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
        if not clean.any():
            continue
        try:
            found[clean] = pc.cast(convert(texts.filter(pa.array(clean))), pa.int64()).to_numpy()
            left &= ~clean
        except pa.ArrowInvalid:  # one of them is invalid, such as 30 February
            continue
    against = {}
    for i in np.flatnonzero(left).tolist():
        try:
            found[i] = one(texts[i].as_py())
        except Unreadable as reason:
            against[i] = str(reason)
        except OverflowError:
            against[i] = "its value is too large"
    return found, against
