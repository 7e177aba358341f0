"""Pictures of lesson 10: a patient's path, beds, delays, a stock below zero, cohorts, readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from workshop.domain.healthcare import PatientEvent, ward
from workshop.domain.healthcare.patient_file import PatientFile
from workshop.domain.healthcare.rules import Judged, Rule, kept
from workshop.domain.retail.projections import Cohorts
from workshop.domain.retail.stock import OrderRefused, Stock, StockEvent, StockReserved, evolve
from workshop.notebook.pictures import BLUE, FAINT, GREEN, GREY, INK, ORANGE, PURPLE, RED, Picture, figure

LANES = ("ER", "Admission NC", "Admission IC", "IV Antibiotics", "IV Liquid", "LacticAcid", "CRP", "Leucocytes")
SAID = {"ER": "emergency room", "Admission NC": "normal care", "Admission IC": "intensive care"}
COLOURS = {"ER": ORANGE, "Admission NC": BLUE, "Admission IC": RED}


def draw_pathway(file: PatientFile) -> Picture:
    """Draw one patient's path in days: bars for places, points for treatments and results."""
    drawing, axes = figure(height=3.4)
    start = file.steps[0].at
    where = None
    for step, following in zip(file.steps, [*file.steps[1:], None], strict=True):
        where = ward.evolve(where, step)
        ends = following.at if following else step.at
        if where.place in COLOURS:
            width = (ends - step.at) / timedelta(days=1)
            lane = LANES.index(where.place)
            axes.barh(lane, width, left=(step.at - start) / timedelta(days=1), color=COLOURS[where.place], height=0.55)
        if step.activity in LANES[3:]:
            colour = GREEN if step.activity.startswith("IV") else GREY
            axes.scatter(
                (step.at - start) / timedelta(days=1), LANES.index(step.activity), color=colour, s=26, zorder=3
            )
    last = file.steps[-1]
    days = (last.at - start) / timedelta(days=1)
    axes.axvline(days, color=INK, linewidth=1, linestyle="--")
    axes.text(days, 3.0, f"{last.activity} ", ha="right")
    axes.set_yticks(range(len(LANES)), [SAID.get(name, name) for name in LANES])
    axes.invert_yaxis()
    axes.set(xlabel=f"days since {start:%d %B %Y, %H:%M}", title=f"case {file.patient}: {len(file.steps)} events")
    return Picture(
        drawing, f"case {file.patient}: {len(file.steps)} events in {days:.1f} days, the last is {last.activity}"
    )


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
        drawing, f"on {moment:%d %B %Y at %H:%M}: {words}; at most {max(beds['Admission NC'])} in normal care"
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
    return Picture(
        drawing, f"{found.in_time} patients in time, {found.late} late, {found.never} never, of {found.patients}"
    )


def draw_stock(ways: Mapping[str, Sequence[StockEvent]]) -> Picture:
    """Draw an article's stock after each event, one panel per way of deciding."""
    drawing, panels = figure(height=2.9, columns=len(ways), sharey=True, squeeze=False)
    said = []
    for axes, (name, events) in zip(panels[0], ways.items(), strict=True):
        stock, after = Stock(), []
        for event in events:
            stock = evolve(stock, event)
            after.append(stock.available)
        axes.axhline(0, color=GREY, linewidth=1)
        axes.bar(
            range(len(events)), [a or 0.03 for a in after], color=[RED if a < 0 else BLUE for a in after], width=0.5
        )
        for number, left in enumerate(after):
            axes.text(
                number, max(left, 0) + 0.12, f"{left}", ha="center", fontweight="bold", color=RED if left < 0 else INK
            )
        axes.set_xticks(range(len(events)), [_words(event) for event in events], fontsize=9)
        axes.set(title=name, ylim=(-1.5, 2), xlim=(-0.6, max(2, len(events) - 1) + 0.6))
        said.append(f"{name}: the stock ends at {after[-1]}")
    panels[0][0].set(ylabel="pieces", yticks=[-1, 0, 1])
    return Picture(drawing, "; ".join(said))


def _words(event: StockEvent) -> str:
    if isinstance(event, StockReserved):
        return f"reserved\nfor {event.reference}"
    return f"{event.reference}\nrefused" if isinstance(event, OrderRefused) else "received"


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
