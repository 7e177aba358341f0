"""Pictures of lesson 08: response times by load, replicas over time, a hidden queue, a falling lag."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workshop.lessons.scaling_under_load import captions
from workshop.lessons.scaling_under_load.observations import Scaled
from workshop.notebook.pictures import BLUE, FAINT, GREEN, GREY, INK, ORANGE, PALETTE, RED, Picture, figure

PARTITIONS = 3


def draw_curves(table: pd.DataFrame, capacity: float, current: int = 1) -> Picture:
    """Draw the 95th percentile of the response time by offered load, one curve per number of replicas.

    Args:
        current: the number that is being measured; its capacity is drawn from the start.
    """
    drawing, axes = figure(height=3.4)
    counts = sorted({current, *(int(count) for count in table.get("replicas", ()))})
    for count in counts:
        colour = PALETTE[count % len(PALETTE)]
        axes.axvline(count * capacity, color=colour, linestyle="--", linewidth=1)
        rows = table[table["replicas"] == count] if len(table) else table
        if len(rows):
            axes.plot(rows["offered"], rows["p95"] * 1000, marker="o", color=colour)
            last = rows.iloc[-1]
            axes.text(last["offered"], last["p95"] * 1000, f"  {count}", color=colour, fontweight="bold", va="center")
    axes.set(xlabel="payments offered per second", ylabel="p95, milliseconds", ylim=(0, None))
    axes.set_xlim(0, 1.3 * capacity * max(counts))
    axes.set_title("number: replicas     dashed: calls ÷ seconds per call", fontsize=11, fontweight="normal")
    return Picture(drawing, captions.of_curves(table, capacity))


def draw_cpu_and_queue(table: pd.DataFrame, capacity: float) -> Picture:
    """Draw CPU and pending payments of one replica against the offered load."""
    rows = table[table["replicas"] == 1]
    drawing, (left, right) = figure(height=2.8, columns=2)
    for axes, column, label, colour in (
        (left, "cpu", "millicores", BLUE),
        (right, "waiting", "payments in it", RED),
    ):
        if len(rows):
            axes.plot(rows["offered"], rows[column], marker="o", color=colour)
        axes.axvline(capacity, color=GREY, linestyle="--", linewidth=1)
        axes.set(xlabel="payments offered per second", ylabel=label, ylim=(0, None), xlim=(0, None))
    left.set_title("processor")
    right.set_title("in flight and queued")
    return Picture(drawing, captions.of_processor(rows))


def draw_autoscaling(seen: Scaled, answers: pd.DataFrame) -> Picture:
    """Draw payments per second, replicas, and the 95th percentile of the response time on one time axis."""
    drawing, (load, replicas, p95) = figure(height=4.8, rows=3, sharex=True)
    end = max([at for at, _ in seen.ready] + [10.0])
    seconds = np.arange(0, end)
    counts = [int(((answers["at"] >= s) & (answers["at"] < s + 1)).sum()) for s in seconds]
    load.fill_between(seconds, counts, step="post", color=BLUE, alpha=0.6)
    load.set(ylabel="payments/s", ylim=(0, 1.5 * max([*counts, 1])))  # space for the labels
    for points, colour, style, word, height in (
        (seen.ready, GREEN, "-", "ready", 1.0),
        (seen.wished, ORANGE, ":", "started", 0.75),
    ):
        replicas.step([at for at, _ in points], [n for _, n in points], where="post", color=colour, linestyle=style)
        replicas.text(1.01, height, word, color=colour, transform=replicas.transAxes, fontsize=9, va="top")
    for bound in (seen.least, seen.most):
        replicas.axhline(bound, color=GREY, linestyle="--", linewidth=1)
    replicas.set(ylabel="replicas", ylim=(0, seen.most + 0.7), yticks=range(seen.most + 1))
    replicas.text(end, seen.most + 0.1, "max", ha="right", fontsize=9, color=GREY)
    replicas.text(end, seen.least + 0.1, "min", ha="right", fontsize=9, color=GREY)
    windows = [(s, answers.loc[(answers["at"] >= s) & (answers["at"] < s + 2), "seconds"]) for s in seconds[::2]]
    p95.plot([s + 1 for s, w in windows if len(w)], [w.quantile(0.95) * 1000 for _, w in windows if len(w)], color=RED)
    p95.set(ylabel="p95, ms", xlabel="seconds", ylim=(0, None), xlim=(0, end))
    for axes in (load, replicas, p95):
        axes.grid(axis="x", color=FAINT)
    for at in seen.applied:
        replicas.axvline(at, color=RED, linewidth=1)
        replicas.text(at, 1.0, " apply", color=RED, fontsize=9, va="bottom", transform=replicas.get_xaxis_transform())
    for number, (at, word) in enumerate(seen.marks):
        if at <= end:
            load.axvline(at, color=INK, linewidth=1, linestyle="--")
            height = 1.0 - 0.16 * (number % 2)  # on two levels, so that labels do not overlap
            plate = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
            place = load.get_xaxis_transform()
            word = load.text(at, height, f" {word}", transform=place, va="top", fontsize=9, bbox=plate)
            word.set_in_layout(False)
    return Picture(drawing, captions.of_day(seen, answers))


def draw_lag(table: pd.DataFrame) -> Picture:
    """Draw the lag over time and the number of replicas, with the speed of each number."""
    rates = lag_rates(table)
    drawing, upper = _lag_and_replicas(table)
    for count, rate in rates.items():
        rows = table[table["replicas"] == count]
        word = upper.text(rows["at"].mean(), rows["lag"].max(), f"{rate:.0f}/s", ha="center", fontweight="bold")
        word.set_in_layout(False)  # otherwise a label outside of the axes would shrink them
    return Picture(drawing, captions.of_lag(rates))


def draw_scaler(table: pd.DataFrame) -> Picture:
    """Draw the lag over time, and the number of replicas that a scaler set."""
    return Picture(_lag_and_replicas(table)[0], captions.of_scaler(table))


def _lag_and_replicas(table: pd.DataFrame) -> tuple[Figure, Axes]:
    """Return the drawing, and its axes with the lag."""
    drawing, (upper, lower) = figure(height=3.6, rows=2, sharex=True, height_ratios=(2, 1))
    if len(table):
        upper.plot(table["at"], table["lag"], color=BLUE)
        lower.step(table["at"], table["replicas"], where="post", color=GREEN)
    lower.yaxis.set_major_locator(MaxNLocator(integer=True))
    lower.axhline(PARTITIONS, color=GREY, linestyle="--", linewidth=1)
    lower.text(0, PARTITIONS + 0.1, " partitions", fontsize=9, color=GREY)
    upper.set(ylabel="payments not debited", ylim=(0, None), xlim=(0, max([*table.get("at", ()), 10.0])))
    lower.set(ylabel="replicas", xlabel="seconds", ylim=(0, None))
    return drawing, upper


def lag_rates(table: pd.DataFrame) -> dict[int, float]:
    """Return the payments per second by which each number of replicas reduced the lag, in order of its appearance.

    The first third of each part is left out: in it the group distributes the partitions.
    """
    rates = {}
    for count, rows in table.groupby("replicas", sort=False) if len(table) else ():
        part = rows.iloc[len(rows) // 3 :]
        part = part[part["lag"] > 0]  # an empty topic says nothing about the speed
        if len(part) > 2:
            rates[int(count)] = max(0.0, -float(np.polyfit(part["at"], part["lag"], 1)[0]))
    return rates
