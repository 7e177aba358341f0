"""Canonical table of payments, the input of all computations in `workshop.domain.fraud`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ("customer", "terminal", "at", "cents", "payment_id")


def table(customer: Any, terminal: Any, at: Any, cents: Any, payment_id: Any) -> pd.DataFrame:
    """Return the canonical table, sorted by time; rows of the same time keep their order.

    The arguments are columns of equal length.

    Args:
        customer: the payer; any distinguishable values.
        terminal: the terminal; None or NaN if unknown, or None for the whole column.
        at: the time, as values that convert to datetime64; naive, UTC.
        cents: whole cents; negative for a refund.
        payment_id: a unique id of the payment.

    Returns:
        Columns `customer`, `terminal` (categories), `at` (datetime64[ms]), `cents` (int64), `payment_id` (object).

    Raises:
        ValueError: cents are not whole numbers, or a time is missing.
    """
    at = pd.Series(at).to_numpy().astype("datetime64[ms]")
    cents = np.asarray(cents)
    if not np.issubdtype(cents.dtype, np.integer):
        raise ValueError("Amounts must be whole cents: money is never a float here.")
    if np.isnat(at).any():
        raise ValueError("Every payment needs a time.")
    order = np.argsort(at, kind="stable")
    rows = {
        "customer": pd.Categorical(customer)[order],
        "terminal": pd.Categorical([None] * len(at) if terminal is None else terminal)[order],
        "at": at[order],
        "cents": cents.astype(np.int64)[order],
        "payment_id": np.asarray(payment_id, dtype=object)[order],
    }
    return pd.DataFrame(rows, columns=list(COLUMNS))


def from_simulator(payments: pd.DataFrame) -> pd.DataFrame:
    """Convert the simulator's columns (data/payments_simulator.py) to the canonical table, in cents."""
    return table(
        payments["CUSTOMER_ID"].to_numpy(),
        payments["TERMINAL_ID"].to_numpy(),
        payments["TX_DATETIME"],
        np.rint(payments["TX_AMOUNT"].to_numpy() * 100).astype(np.int64),
        payments["TRANSACTION_ID"].to_numpy(),
    )
