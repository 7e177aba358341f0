"""Cards of very different usual rates, some with a burst of extra payments: the unseen payments of an exercise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

BEGIN = pd.Timestamp("2018-04-01")
DAYS = 183
BURST_DAYS = 3
# Usual payments per day. A busy card makes more in any three days than a quiet card in its burst.
QUIET, BUSY = (0.3, 1.3), (4.5, 6.5)
USED = 0.6  # share of a card's daily occasions that lead to a payment: people are more regular than pure chance
BURSTS = {"quiet": 12, "busy": 8}
CALM = {"quiet": 15, "busy": 15}
EXTRA = {"quiet": (12, 17), "busy": (18, 30)}


@dataclass(frozen=True)
class Cards:
    """Payments by card (columns `at`, `cents`), and the true bursts (columns customer, first, last)."""

    payments: dict[str, pd.DataFrame]
    bursts: pd.DataFrame


def cards(seed: int = 5) -> Cards:
    """Return the cards; the same seed gives the same payments."""
    draw = np.random.default_rng(seed)
    kinds = [(kind, True) for kind, count in BURSTS.items() for _ in range(count)]
    kinds += [(kind, False) for kind, count in CALM.items() for _ in range(count)]
    payments: dict[str, pd.DataFrame] = {}
    bursts = []
    for number in draw.permutation(len(kinds)):
        kind, strange = kinds[number]
        card = f"unseen-{len(payments):02d}"
        days = _usual(draw, *(QUIET if kind == "quiet" else BUSY))
        if strange:
            extra = _burst(draw, *EXTRA[kind])
            bursts.append((card, _time(extra.min()), _time(extra.max())))
            days = np.concatenate([days, extra])
        payments[card] = _table(draw, np.sort(days))
    return Cards(payments, pd.DataFrame(bursts, columns=["customer", "first", "last"]))


def usual_in_a_burst(rates: tuple[float, float]) -> str:
    """Return how many payments a card makes usually in as many days as a burst has, such as "1 to 4"."""
    least, most = (round(rate * BURST_DAYS) for rate in rates)
    return f"{least} to {most}"


def _usual(draw: np.random.Generator, least: float, most: float) -> np.ndarray:
    """Return times of ordinary payments, as days since BEGIN, at the card's own rate."""
    occasions = round(draw.uniform(least, most) * DAYS / USED)
    times = np.arange(occasions) * DAYS / occasions
    return times[draw.random(occasions) < USED]


def _burst(draw: np.random.Generator, least: int, most: int) -> np.ndarray:
    first = draw.integers(7, DAYS - 7)
    return first + draw.random(draw.integers(least, most, endpoint=True)) * BURST_DAYS


def _table(draw: np.random.Generator, days: np.ndarray) -> pd.DataFrame:
    cents = np.maximum(draw.normal(1.0, 0.5, len(days)) * draw.uniform(1_000, 9_000), 100).astype(np.int64)
    at = pd.DatetimeIndex([_time(day) for day in days]).astype("datetime64[ms]")
    return pd.DataFrame({"at": at, "cents": cents})


def _time(day: float) -> pd.Timestamp:
    return BEGIN + pd.Timedelta(milliseconds=int(day * 86_400_000))
