"""Half a year of payments that no notebook has seen: the extract with other frauds, other names, and withheld labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from workshop.domain.fraud.features import NAMES, features
from workshop.domain.fraud.protocol import after_delay
from workshop.domain.fraud.transactions import from_simulator
from workshop.notebook import story

# As often and as strong as in the simulator (data/simulation_settings.py).
LARGE = 220.0  # euros: every payment above it is a fraud
TERMINALS = (2 / 10_000, 28)  # share of terminals that are compromised per day, for so many days: all their payments
CARDS = (3 / 5_000, 14)  # share of cards per day, for so many days
ONE_IN, TIMES = 3, 5  # one in three payments of a compromised card has five times the amount
ROWS_FROM = 1_000_000  # the index: a score that is looked up in another table does not fit by accident


@dataclass(frozen=True)
class Unseen:
    """Payments, their features as of the moment, and the truth; rows in the same order."""

    table: pd.DataFrame
    seen: pd.DataFrame
    fraud: np.ndarray


@cache
def half_year(seed: int = 5) -> Unseen:
    """Return half a year with new frauds; reports of them come after 7 days. The same seed gives the same payments."""
    payments = with_new_frauds(story.payments(), seed)
    table, fraud = from_simulator(payments), payments["TX_FRAUD"].to_numpy()
    seen = features(table, after_delay(table, fraud))[list(NAMES)]
    rows = pd.RangeIndex(ROWS_FROM, ROWS_FROM + len(table))
    return Unseen(table.set_index(rows), seen.set_index(rows), fraud)


def with_new_frauds(payments: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the payments without their frauds, with new ones and new names; simulator's columns."""
    draw = np.random.default_rng(seed)
    stolen_before = payments["TX_FRAUD_SCENARIO"].to_numpy() == 3
    amount = payments["TX_AMOUNT"].to_numpy() / np.where(stolen_before, TIMES, 1)
    days, cards = payments["TX_TIME_DAYS"].to_numpy(), payments["CUSTOMER_ID"].to_numpy()
    terminals = payments["TERMINAL_ID"].to_numpy()
    stolen = _compromised(draw, cards, days, *CARDS) & (draw.random(len(days)) < 1 / ONE_IN)
    amount = np.round(np.where(stolen, amount * TIMES, amount), 2)
    fraud = stolen | _compromised(draw, terminals, days, *TERMINALS) | (amount > LARGE)
    return payments.assign(
        TRANSACTION_ID=payments["TRANSACTION_ID"] + 10_000_000,
        CUSTOMER_ID=_renamed(draw, cards),
        TERMINAL_ID=_renamed(draw, terminals),
        TX_AMOUNT=amount,
        TX_FRAUD=fraud.astype(int),
    )


def _compromised(
    draw: np.random.Generator, owners: np.ndarray, days: np.ndarray, share: float, lasting: int
) -> np.ndarray:
    """Return which payments belong to an owner (card or terminal) that is compromised on that day."""
    hit = draw.random((int(owners.max()) + 1, int(days.max()) + 1)) < share
    under_way = hit.copy()
    for later in range(1, lasting):
        under_way[:, later:] |= hit[:, :-later]
    return under_way[owners, days]


def _renamed(draw: np.random.Generator, numbers: np.ndarray) -> np.ndarray:
    return draw.permutation(int(numbers.max()) + 1)[numbers] + 100_000
