"""A log of payments ordered by card, as flat arrays, for `periods`."""

from __future__ import annotations

import numpy as np
import pandas as pd

DAY = 86_400_000  # milliseconds


class CardLog:
    """The payments of a log by card and time: no refunds, known cards only, each payment_id once.

    `card` is the number of each row's card; card c has the rows starts[c]..starts[c + 1] - 1.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        kept = (table["cents"] >= 0) & table["customer"].notna()
        table = table[kept].drop_duplicates("payment_id")
        codes = table["customer"].cat.codes.to_numpy()
        order = np.lexsort((table["cents"].to_numpy(), table["at"].to_numpy(), codes))
        table = table.iloc[order]
        self.cards, self.card = np.unique(codes[order], return_inverse=True)
        self.customers = table["customer"].cat.categories.tolist()  # plain values, fit for JSON
        self.at = table["at"].to_numpy().astype("datetime64[ms]").astype(np.int64)
        self.cents, self.ids = table["cents"].to_numpy(), table["payment_id"].to_numpy()
        self.starts = np.searchsorted(self.card, np.arange(len(self.cards) + 1))
        self.sizes = np.diff(self.starts)

    def medians(self) -> np.ndarray:
        """Return each card's median amount in cents; NaN without amounts above 0.

        Payments of 0, which verify a card, are left out.
        """
        paid = np.flatnonzero(self.cents > 0)
        order = paid[np.lexsort((self.cents[paid], self.card[paid]))]
        size = np.bincount(self.card[paid], minlength=len(self.cards))
        low = np.cumsum(size) - size + (size - 1) // 2
        pair = np.append(self.cents[order], 0)[np.vstack([low, low + 1 - size % 2]) * (size > 0)]
        return np.where(size > 0, pair.mean(axis=0), np.nan)

    def days(self, rows: np.ndarray) -> float:
        """Return the days from the first to the last of these rows."""
        return float(self.at[rows[-1]] - self.at[rows[0]]) / DAY

    def among(self, rows: np.ndarray) -> int:
        """Return the number of the card's payments from the first to the last of these rows.

        Payments at the same times count too.
        """
        card = self.card[rows[0]]
        times = self.at[self.starts[card] : self.starts[card + 1]]
        return int(np.searchsorted(times, self.at[rows[-1]], "right") - np.searchsorted(times, self.at[rows[0]]))
