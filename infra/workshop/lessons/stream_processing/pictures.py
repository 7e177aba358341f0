"""Pictures of lesson 11."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from workshop.lessons.stream_processing.payments import HOUR_MS
from workshop.notebook.pictures import BLUE, GREY, INK, ORANGE, Picture, figure

CARDS, HOURS = 12, 24
Totals = Mapping[tuple[str, int], int]


def spend(totals: Totals) -> Picture:
    """Return the spend per card and hour of the day with the highest spend; empty axes before the first window."""
    drawn, axes = figure(height=4.2)
    axes.set(xlabel="hour of the day (UTC)")
    if not totals:
        axes.set(xlim=(-0.5, HOURS - 0.5), yticks=[], title="Spend per card and hour")
        return Picture(drawn, "no window has arrived yet")
    first = _busiest_day(totals)
    cards = _first_cards(totals, first)
    cents = np.array([[totals.get((card, first + hour * HOUR_MS), 0) for hour in range(HOURS)] for card in cards])
    image = axes.imshow(np.ma.masked_equal(cents / 100, 0), aspect="auto", cmap="Blues", vmin=0)
    axes.set_yticks(range(len(cards)), cards)
    axes.set(title=f"Spend per card and hour, {_day(first)}")
    drawn.colorbar(image, ax=axes, label="€")
    row, column = np.unravel_index(int(cents.argmax()), cents.shape)
    side = 1 if column < HOURS / 2 else -1  # beside its cell, which is dark
    axes.annotate(
        f"{cents[row, column] / 100:,.2f} €",
        (column + 0.6 * side, row),
        ha="left" if side > 0 else "right",
        va="center",
        color=INK,
        weight="bold",
        bbox={"facecolor": "white", "edgecolor": ORANGE, "pad": 2},
    )
    alt = (
        f"{len(totals):,} windows; the highest spend in one hour of {_day(first)} is "
        f"{cents[row, column] / 100:,.2f} €, by {cards[row]} from {column}:00"
    )
    return Picture(drawn, alt)


def comparison(totals: Totals, batch: Totals) -> str:
    """Return how a stream's totals compare with those of pandas, in words. Pure."""
    ours, theirs = sum(totals.values()), sum(batch.values())
    different = sum(totals.get(place) != batch.get(place) for place in {*totals, *batch})
    sums = f"the stream has {len(totals):,} windows with {ours / 100:,.2f} €"
    words = f"{sums}, pandas {len(batch):,} with {theirs / 100:,.2f} €"
    return f"{words}: equal to the cent" if not different else f"{words}: {different:,} windows differ"


def closed(counts: Mapping[str, Totals], batch: Totals) -> Picture:
    """Return the share of the batch's windows that each way has delivered: a bar per way."""
    drawn, axes = figure(height=1.1 + 0.55 * len(counts))
    for row, totals in enumerate(counts.values()):
        share = sum(totals.get(place) == cents for place, cents in batch.items()) / len(batch)
        axes.barh(row, 1, color="none", edgecolor=GREY)
        axes.barh(row, share, color=BLUE if share == 1 else ORANGE)
        axes.text(0.01, row, f"{share:.1%}", va="center", color="white" if share > 0.1 else INK, weight="bold")
    axes.set_yticks(range(len(counts)), list(counts))
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the windows that pandas computes")
    return Picture(drawn, "; ".join(f"{name}: {comparison(totals, batch)}" for name, totals in counts.items()))


def lateness(minutes: Sequence[float], grace_minutes: float) -> Picture:
    """Return a histogram of how late payments are, with the grace as a line."""
    drawn, axes = figure(height=2.8)
    axes.hist(np.asarray(minutes) / 60, bins=48, color=BLUE)
    axes.axvline(grace_minutes / 60, color=ORANGE)
    axes.annotate("grace", (grace_minutes / 60, 0.95), xycoords=("data", "axes fraction"), color=ORANGE)
    axes.set(xlabel="arrived so many hours late", ylabel="payments")
    beyond = sum(one > grace_minutes for one in minutes)
    alt = f"{beyond:,} of {len(minutes):,} late payments arrive later than the grace of {grace_minutes:g} minutes"
    return Picture(drawn, alt)


def _busiest_day(totals: Totals) -> int:
    days: dict[int, int] = {}
    for (_, start), cents in totals.items():
        day = start - start % (HOURS * HOUR_MS)
        days[day] = days.get(day, 0) + cents
    return max(days, key=lambda day: days[day])


def _first_cards(totals: Totals, first: int) -> list[str]:
    """Return the cards that spent most in one hour of that day."""
    best: dict[str, int] = {}
    for (card, start), cents in totals.items():
        if first <= start < first + HOURS * HOUR_MS:
            best[card] = max(best.get(card, 0), cents)
    return sorted(best, key=lambda card: -best[card])[:CARDS]


def _day(start: int) -> str:
    return f"{datetime.fromtimestamp(start / 1000, UTC):%d %B %Y}"
