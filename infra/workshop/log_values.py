"""Columns of a log as values: names as they stand, times as milliseconds, and the reason against what cannot be meant.

What is written plainly is converted in bulk; a value that is written in another way is looked at by itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop.written import Unreadable, moment

LAST_MS = 7_258_118_400_000  # the year 2200; a record's time in Kafka begins with 1970
_PLAIN_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?$"


def names(column: pa.Array) -> list[str]:
    """Text as it stands, without blanks around it; empty where there is none. `NA` and `null` are names like others."""
    if pa.types.is_floating(column.type):  # a column of whole numbers with gaps, as pandas writes it
        whole = [value is not None and value == value // 1 for value in column.to_pylist()]
        column = pa.array(
            [str(int(v)) if w else str(v or "") for v, w in zip(column.to_pylist(), whole, strict=True)], pa.string()
        )
    return pc.utf8_trim_whitespace(pc.fill_null(pc.cast(column, pa.string()), "")).to_pylist()


def times(column: pa.Array) -> tuple[np.ndarray, dict[int, str]]:
    """Milliseconds since 1970, UTC, and by position the reasons against those that cannot be meant."""
    if pa.types.is_temporal(column.type):
        column = pc.fill_null(pc.cast(pc.cast(column, _instant(column.type), safe=False), pa.int64()), -1)
        found, against = column.to_numpy(), dict[int, str]()
    else:
        found, against = values(column, _PLAIN_TIME, lambda texts: pc.cast(texts, pa.timestamp("ms")), moment)
    for i in np.flatnonzero((found < 0) | (found > LAST_MS)).tolist():
        against[i] = "its time is missing, or not between 1970 and 2200"
    return found, against


def _instant(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp("ms", getattr(kind, "tz", None))


def values(column: pa.Array, plain: str, bulk: Callable, one: Callable) -> tuple[np.ndarray, dict[int, str]]:
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
