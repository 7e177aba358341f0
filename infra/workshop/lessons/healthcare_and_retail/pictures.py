"""Pictures of lesson 10: delays, the steps of orders, beds, cohorts, readers."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta

import numpy as np

from workshop.domain.healthcare import PatientEvent, ward
from workshop.domain.healthcare.rules import Judged, Rule, kept
from workshop.domain.retail.projections import Cohorts
from workshop.notebook.pictures import BLUE, FAINT, GREEN, GREY, INK, ORANGE, PURPLE, RED, Picture, figure

COLOURS = {"ER": ORANGE, "Admission NC": BLUE, "Admission IC": RED}


def draw_beds(events: Sequence[PatientEvent], moment: datetime) -> Picture:
    """Draw the number of patients per place over the whole log, and mark one moment."""
    drawing, axes = figure(height=3.2)
    first, last = min(e.at for e in events), max(e.at for e in events)
    moments = [first + timedelta(hours=6 * n) for n in range(int((last - first) / timedelta(hours=6)) + 1)]
    beds = ward.beds_over_time(events, moments)
    for place in ("Admission NC", "Admission IC"):
        axes.step(moments, beds[place], where="post", color=COLOURS[place], linewidth=1.4)
    there = ward.occupied(events, moment)
    axes.axvline(moment, color=INK, linestyle="--", linewidth=1.2)
    names = {ward.ER: "the ER", ward.NORMAL_CARE: "normal care", ward.INTENSIVE_CARE: "intensive care"}
    words = ", ".join(f"{there[place]} in {name}" for place, name in names.items())
    ends = max((at for at, count in zip(moments, beds["Admission NC"], strict=True) if count), default=last)
    axes.set(ylabel="patients", ylim=(0, max(beds["Admission NC"]) * 1.22), title=f"{moment:%d %B %Y, %H:%M}: {words}")
    axes.text(ends, 4.5, "  normal care", color=BLUE)
    axes.text(ends, 1.2, "  intensive care", color=RED)
    return Picture(
        drawing, f"on {moment:%d %B %Y at %H:%M}: {words}; never more than {max(beds['Admission NC'])} in normal care"
    )


def draw_delays(rule: Rule, judged: Sequence[Judged], longest: int = 360) -> Picture:
    """Draw the delays in bins of ten minutes, with the limit; the last bar contains all longer delays."""
    minutes = np.array([one.delay / timedelta(minutes=1) for one in judged if one.delay is not None])
    found = kept(rule, judged)
    limit = rule.within / timedelta(minutes=1)
    edges = np.arange(-20, longest + 20, 10)
    heights, _ = np.histogram(np.clip(minutes, -20, longest + 5), edges)
    drawing, axes = figure(height=3.4)
    in_time = edges[:-1] < limit
    axes.bar(edges[:-1] + 5, heights, width=9, color=np.where(in_time, BLUE, ORANGE))
    axes.axvline(limit, color=INK, linewidth=1.4, linestyle="--")
    top = heights.max()
    axes.text(limit + 4, top * 1.06, f"{limit:.0f} minutes")
    axes.text(limit - 4, top * 1.06, f"{found.in_time} in time", color=BLUE, ha="right")
    axes.text(longest * 0.45, top * 0.8, f"{found.late} late", color=ORANGE)
    axes.text(longest * 0.45, top * 0.62, f"{found.never} never, as far as the log says", color=GREY)
    axes.annotate("longer", (longest + 5, heights[-1]), ha="center", va="bottom", color=ORANGE, fontsize=10)
    axes.set(
        xlabel=f"minutes from the first {rule.after} to the first {rule.then}", ylabel="patients", ylim=(0, top * 1.2)
    )
    early = sum(one.delay is not None and one.delay < timedelta(0) for one in judged)
    before = f" ({early} of them before the {rule.after} was recorded)" if early else ""
    return Picture(
        drawing,
        f"of {found.patients:,} patients, {found.in_time} got {rule.then} within {limit:.0f} minutes{before}, {found.late} "
        f"got them later, and {found.never} never: the log has no {rule.then} for them",
    )


STEPS = ("order placed", "payment", "stock")


def draw_saga(orders: Sequence[Mapping], answers: Sequence[Mapping], till: str) -> Picture:
    """Draw the steps of each order.

    Args:
        orders: the events `OrderPlaced`.
        answers: the events of the stock.
        till: the database file of the payment service, with the table `movements`.
    """
    with closing(sqlite3.connect(till)) as database:
        rows = database.execute("SELECT number, sum(cents) FROM movements GROUP BY number").fetchall()
    paid, said = dict(rows), {answer["order"]: answer["type"] for answer in answers}
    placed = {order["order"]: order for order in orders}
    drawing, axes = figure(height=1.2 + 0.55 * len(placed))
    for row, (number, order) in enumerate(placed.items()):
        cents, stock = paid.get(number, 0), said.get(number, "no answer yet")
        broken = cents > 0 and stock == "StockMissing"
        cells = (order["article"], f"{euros(cents / 100)} in the till", stock)
        colours = (BLUE, BLUE if cents else FAINT, {"StockReserved": GREEN, "StockMissing": ORANGE}.get(stock, FAINT))
        for column, (text, colour) in enumerate(zip(cells, colours, strict=True)):
            axes.scatter(column, row, s=260, color=colour, marker="s" if colour is not ORANGE else "X", zorder=3)
            axes.annotate(text, (column, row), xytext=(12, 7), textcoords="offset points", fontsize=10)
        axes.plot([0, 2], [row, row], color=RED if broken else FAINT, linewidth=2.5, zorder=1)
    axes.set_yticks(range(len(placed)), list(placed))
    axes.set_xticks(range(len(STEPS)), STEPS)
    axes.set(xlim=(-0.25, 2.75), ylim=(len(placed) - 0.5, -0.5), title="orders, and what three services did about them")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    return Picture(drawing, _about_saga(placed, paid, said))


def _about_saga(placed: Mapping[str, Mapping], paid: Mapping[str, int], said: Mapping[str, str]) -> str:
    reserved = sum(said.get(number) == "StockReserved" for number in placed)
    lost = [number for number in placed if paid.get(number, 0) > 0 and said.get(number) == "StockMissing"]
    told = f"{_counted(len(placed), 'order')}: {sum(paid.get(n, 0) > 0 for n in placed)} paid, {reserved} reserved"
    if not lost:
        return f"{told}; no customer has paid for an article that is missing"
    cents = sum(paid[number] for number in lost)
    return f"{told}; {euros(cents / 100)} were taken for {', '.join(lost)}, whose article is missing"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def euros(amount: float) -> str:
    """Return an amount of euros with two decimals."""
    return f"{amount:,.2f} €"


def draw_cohorts(grid: Cohorts) -> Picture:
    """Draw the share of each cohort that bought again, month after month."""
    drawing, axes = figure(height=4.4)
    later = range(len(grid.months))
    shares = np.array([[_percent(grid, month, n) for n in later] for month in grid.months])
    axes.imshow(
        np.ma.masked_invalid(np.where(np.arange(shares.shape[1]) == 0, np.nan, shares)), cmap="Blues", vmin=0, vmax=70
    )
    for row, column in np.argwhere(~np.isnan(shares)):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{share:.0f}",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if 45 < share < 100 else INK,
        )
    axes.set_aspect("auto")
    axes.set_xticks(list(later))
    axes.set_yticks(list(later), [f"{month}  ({grid.size[month]:,})" for month in grid.months], fontsize=10)
    axes.set(xlabel="months after the first purchase", ylabel="first bought in (households)")
    axes.set_title("of 100 households, how many bought in that month")
    axes.spines[["left", "bottom"]].set_visible(False)
    first = grid.months[0]
    again = (
        f"of the {grid.size[first]} households of {first}, {_percent(grid, first, 1):.0f} % bought in the next month"
    )
    return Picture(drawing, f"{sum(grid.size.values()):,} households in {len(grid.months)} cohorts; {again}")


def _percent(grid: Cohorts, month: str, later: int) -> float:
    share = grid.retained(month, later)
    return np.nan if share is None else 100 * share


def draw_readers(value: Mapping[str, int], best: Sequence[tuple[str, int]]) -> Picture:
    """Draw two readers of one log: the cumulative spending of households, and the most frequent products."""
    drawing, (left, right) = figure(height=3.3, columns=2)
    spent = np.sort(np.fromiter(value.values(), float))[::-1]
    share = np.cumsum(spent) / spent.sum() * 100
    position = np.arange(1, len(spent) + 1) / len(spent) * 100
    left.plot(position, share, color=BLUE)
    fifth = share[len(spent) // 5]
    left.plot([20, 20, 0], [0, fifth, fifth], color=FAINT, linewidth=1.2, zorder=0)
    left.annotate(f"a fifth: {fifth:.0f} %", (20, fifth), xytext=(8, -14), textcoords="offset points")
    left.set(xlabel="% of households, best first", ylabel="% of sales", xlim=(0, 100), ylim=(0, 102), title="marketing")
    names, counts = zip(*best, strict=True)
    right.barh([f"product {name}" for name in names], counts, color=PURPLE)
    for row, count in enumerate(counts):
        right.text(count, row, f" {count}", va="center", fontsize=9)
    right.invert_yaxis()
    right.set(xlabel="baskets", title="purchasing", xlim=(0, max(counts) * 1.15))
    return Picture(
        drawing,
        f"a fifth of the households make {fifth:.0f} % of the sales; product {names[0]} is in {counts[0]} baskets",
    )
