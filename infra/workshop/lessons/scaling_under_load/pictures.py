"""Pictures of lesson 08: response times by load, replicas over time, a hidden queue, a falling lag."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from workshop.lessons.scaling_under_load.observations import Scaled
from workshop.notebook.pictures import BLUE, FAINT, GREEN, GREY, INK, ORANGE, PALETTE, RED, Picture, figure

PARTITIONS = 3


def draw_curves(table: pd.DataFrame, capacity: float, replicas: Sequence[int]) -> Picture:
    """Draw the 95th percentile of the response time by offered load, one curve per number of replicas.

    Args:
        replicas: all numbers to be measured; their capacities are drawn from the start.
    """
    drawing, axes = figure(height=3.4)
    said = []
    for number, count in enumerate(replicas):
        axes.axvline(count * capacity, color=PALETTE[number], linestyle="--", linewidth=1)
    for number, (count, rows) in enumerate(table.groupby("replicas") if len(table) else []):
        colour = PALETTE[number]
        axes.plot(rows["offered"], rows["p95"] * 1000, marker="o", color=colour)
        last = rows.iloc[-1]
        axes.text(last["offered"], last["p95"] * 1000, f"  {count}", color=colour, fontweight="bold", va="center")
        worst, best = rows["p95"].iloc[-1] * 1000, rows["p95"].iloc[0] * 1000
        said.append(
            f"with {count} replicas p95 goes from {best:.0f} to {worst:.0f} ms at {last['offered']:.0f} a second"
        )
    axes.set(xlabel="payments offered per second", ylabel="p95, milliseconds", ylim=(0, None))
    axes.set_xlim(0, 1.25 * capacity * max(replicas, default=1))
    axes.set_title("number: replicas     dashed: calls ÷ seconds a call", fontsize=11, fontweight="normal")
    return Picture(drawing, "; ".join(said) or "nothing measured yet")


def draw_cpu_and_queue(table: pd.DataFrame, capacity: float) -> Picture:
    """Draw CPU and pending payments of one replica against the offered load."""
    rows = table[table["replicas"] == 1]
    drawing, (left, right) = figure(height=2.8, columns=2)
    for axes, column, label, colour in (
        (left, "cpu", "thousandths of a core", BLUE),
        (right, "waiting", "payments in it", RED),
    ):
        axes.plot(rows["offered"], rows[column], marker="o", color=colour)
        axes.axvline(capacity, color=GREY, linestyle="--", linewidth=1)
        axes.set(xlabel="payments offered per second", ylabel=label, ylim=(0, None), xlim=(0, None))
    left.set_title("processor")
    right.set_title("in flight and queued")
    cpu, waiting = rows["cpu"].tolist(), rows["waiting"].tolist()
    said = f"the processor goes from {cpu[0]:.0f} to {cpu[-1]:.0f} thousandths"
    said += f", what waits from {waiting[0]:.0f} to {waiting[-1]:.0f}"
    return Picture(drawing, said)


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
    for number, (at, word) in enumerate(seen.marks):
        if at <= end:
            load.axvline(at, color=INK, linewidth=1, linestyle="--")
            height = 1.0 - 0.16 * (number % 2)  # on two levels, so that labels do not overlap
            plate = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
            place = load.get_xaxis_transform()
            word = load.text(at, height, f" {word}", transform=place, va="top", fontsize=9, bbox=plate)
            word.set_in_layout(False)
    most = max([n for _, n in seen.ready] + [0])
    failed = int((answers["status"] != 201).sum())
    return Picture(drawing, f"{len(answers)} payments, {failed} failed; at most {most} replicas were ready")


def draw_lag(table: pd.DataFrame) -> Picture:
    """Draw the lag over time, and the number of replicas."""
    drawing, (upper, lower) = figure(height=3.6, rows=2, sharex=True, height_ratios=(2, 1))
    said = []
    if len(table):
        upper.plot(table["at"], table["lag"], color=BLUE)
        lower.step(table["at"], table["replicas"], where="post", color=GREEN)
        for count, rows in table.groupby("replicas", sort=False):
            if len(rows) > 2:
                slope = np.polyfit(rows["at"], rows["lag"], 1)[0]
                word = upper.text(
                    rows["at"].mean(), rows["lag"].max(), f"{-slope:.0f}/s", ha="center", fontweight="bold"
                )
                word.set_in_layout(False)  # otherwise a label outside of the axes would shrink them
                said.append(f"{count} replicas work off {-slope:.0f} a second")
    lower.yaxis.set_major_locator(MaxNLocator(integer=True))
    lower.axhline(PARTITIONS, color=GREY, linestyle="--", linewidth=1)
    lower.text(0, PARTITIONS + 0.1, " partitions", fontsize=9, color=GREY)
    upper.set(ylabel="payments not debited", ylim=(0, None), xlim=(0, max([*table.get("at", ()), 10.0])))
    lower.set(ylabel="replicas", xlabel="seconds", ylim=(0, None))
    return Picture(drawing, "; ".join(said) or "a lag over time")
