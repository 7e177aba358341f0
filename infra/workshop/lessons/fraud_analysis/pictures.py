"""Pictures of lesson 05: the path of a payment, the base rate, precision and recall, a warning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from sklearn.metrics import precision_recall_curve

from workshop.domain.fraud.periods import PeriodWarning
from workshop.domain.fraud.warnings_text import warning_text
from workshop.lessons.fraud_analysis.observations import Moment, Moments
from workshop.notebook.pictures import BLUE, FAINT, GREY, INK, ORANGE, PALETTE, RED, Picture, figure

GROUND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1}


def draw_moments(seen: Moments) -> Picture:
    """Draw each payment at its time, with the milliseconds until it was debited and flagged."""
    drawing, axes = figure(height=3.4)
    moments = list(seen.payments.values())
    for number, moment in enumerate(moments):
        axes.scatter(moment.made, moment.cents / 100, s=70, color=FAINT if moment.debited is None else BLUE, zorder=2)
        words = [] if moment.debited is None else [f"debited {moment.debited * 1000:,.0f} ms"]
        if moment.flagged is not None:
            axes.scatter(moment.made, moment.cents / 100, s=320, facecolor="none", edgecolor=RED, linewidth=2.5)
            words.append(f"flagged {moment.flagged * 1000:,.0f} ms")
        axes.annotate(
            "\n".join(words), (moment.made, moment.cents / 100), xytext=(0, 13 + 12 * (number % 2)),
            textcoords="offset points", ha="center", va="bottom", fontsize=8.5,
        )  # fmt: skip
    last = max((moment.made for moment in moments), default=0)
    axes.set(xlabel="seconds", ylabel="payment, €", ylim=(0, 330), xlim=(-0.3, max(3, last + 0.4)))
    axes.set_title("● a payment    ring: flagged")
    return Picture(drawing, _told(moments))


def _told(moments: list[Moment]) -> str:
    debited = sorted(moment.debited for moment in moments if moment.debited is not None)
    flagged = [moment for moment in moments if moment.flagged is not None]
    if not moments:
        return "No payment was made yet."
    said = f"{len(debited)} of {_many(len(moments), 'payment')} {_were(len(debited))} debited"
    if debited:
        said += f", {debited[0] * 1000:,.0f} to {debited[-1] * 1000:,.0f} ms after the payment"
    amounts = " and ".join(f"{moment.cents / 100:.2f} €" for moment in flagged)
    return f"{said}. {len(flagged)} {_were(len(flagged))} flagged{f': {amounts}' if amounts else ''}."


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def draw_base_rate(fraud: np.ndarray, count: int = 1000) -> Picture:
    """Draw payments as squares, with the share of frauds in red."""
    drawing, axes = figure(height=2.6)
    share = float(np.mean(fraud))
    red = round(share * count)
    places = np.random.default_rng(1).choice(count, red, replace=False)
    colours = np.full(count, FAINT, dtype=object)
    colours[places] = RED
    axes.scatter(np.arange(count) % 50, np.arange(count) // 50, marker="s", s=34, c=colours.tolist())
    axes.set(xticks=[], yticks=[], ylim=(count / 50, -1))
    axes.spines[:].set_visible(False)
    axes.set_title(f"{red} of {count:,} payments {'is a fraud' if red == 1 else 'are frauds'}")
    return Picture(
        drawing,
        f"{int(np.sum(fraud)):,} of {len(fraud):,} payments are frauds: {share:.2%}. "
        f"A detector that flags nothing is right for {1 - share:.2%} of the payments.",
    )


def draw_curves(
    fraud: np.ndarray, scores: Mapping[str, np.ndarray], points: pd.DataFrame | Mapping[str, np.ndarray]
) -> Picture:
    """Draw precision against recall for all thresholds of some scores; rules have none, they are points."""
    drawing, axes = figure(width=7.2, height=4.2)
    said = []
    for (name, values), colour in zip(scores.items(), PALETTE, strict=False):
        precision, recall, _ = precision_recall_curve(fraud, values)
        axes.plot(recall, precision, color=colour, label=name, zorder=1)
        area = float(-np.sum(np.diff(recall) * precision[:-1]))
        said.append(f"{area:.2f} for {name}")
    _label_points(axes, {name: _recall_and_precision(fraud, flag) for name, flag in points.items()})
    axes.axhline(fraud.mean(), color=GREY, linestyle=":", linewidth=1)
    axes.annotate(f"all payments: {fraud.mean():.1%} are frauds", (1, fraud.mean()), xytext=(0, 4),
                  textcoords="offset points", ha="right", fontsize=9, color=GREY)  # fmt: skip
    axes.set(
        xlabel="recall: share of the frauds that are found", ylabel="precision: share of the\nflags that are right"
    )
    axes.set(xlim=(0, 1.02), ylim=(0, 1.25), yticks=np.arange(0, 1.1, 0.2))
    axes.legend(loc="upper right", fontsize=9)
    return Picture(
        drawing,
        f"Each point of a curve is one threshold; each dot is a rule. The area under the curve is {' and '.join(said)}.",
    )


def _recall_and_precision(fraud: np.ndarray, flag: np.ndarray) -> tuple[float, float]:
    return float(fraud[flag].sum() / fraud.sum()), float(fraud[flag].mean()) if flag.any() else 0.0


def _label_points(axes: Axes, where: Mapping[str, tuple[float, float]]) -> None:
    """Draw points; a label at the top stands right of the curves with a line to its point, others below their point."""
    tops = 0
    for name, (x, y) in sorted(where.items(), key=lambda item: -item[1][1]):
        axes.scatter(x, y, color=INK, s=45, zorder=4)
        if y > 0.7:
            line = {"arrowstyle": "-", "color": INK, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 3}
            place = (x + 0.16 + 0.03 * tops, 1.04 - 0.13 * tops)
            axes.annotate(name, (x, y), xytext=place, fontsize=9, bbox=GROUND, zorder=5, arrowprops=line)
            tops += 1
        else:
            options: dict[str, Any] = {"textcoords": "offset points", "va": "top", "fontsize": 9, "zorder": 5}
            axes.annotate(name.replace(" ", "\n"), (x, y), xytext=(6, -4), bbox=GROUND, **options)


def draw_published(figures: pd.DataFrame) -> Picture:
    """Draw the average precision of each model, published and computed here."""
    drawing, axes = figure(height=3.2)
    column = figures["average precision"]
    names = list(dict.fromkeys(name for _, name in column.index))
    for row, name in enumerate(names):
        for where, colour, size in (("published", GREY, 130), ("here", BLUE, 50)):
            if (where, name) in column.index:
                axes.scatter(column[where, name], row, s=size, color=colour, zorder=2 + (where == "here"))
        value = column.get(("here", name), column.get(("published", name)))
        axes.annotate(f"{value:.3f}", (value, row), xytext=(11, -4), textcoords="offset points", fontsize=10)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", color=FAINT)
    axes.set(
        xlabel="average precision, 8 to 14 August", title="grey ● published   blue ● computed here", xlim=(0.45, 0.8)
    )
    both = [name for name in names if ("here", name) in column.index and ("published", name) in column.index]
    apart = max((abs(column["here", name] - column["published", name]) for name in both), default=0.0)
    best = column.xs("here").idxmax()
    have = "has" if len(both) == 1 else "have"
    return Picture(
        drawing,
        f"{len(both)} of our models {have} a published figure; the largest difference in average precision is {apart:.3f}. "
        f"The best one here is {best} with {column['here', best]:.3f}.",
    )


def draw_warning(table: pd.DataFrame, warning: PeriodWarning, language: str = "fr") -> Picture:
    """Draw a card's half year with the period, its suspicious payments, and the customer's sentence."""
    drawing, axes = figure(height=3.6)
    mine = table[table["customer"] == warning.customer]
    strange = mine["payment_id"].isin(warning.payment_ids)
    axes.scatter(mine["at"][~strange], mine["cents"][~strange] / 100, s=14, color=BLUE, alpha=0.6)
    axes.scatter(mine["at"][strange], mine["cents"][strange] / 100, s=60, color=RED, marker="D", zorder=3)
    axes.axvspan(warning.first, warning.last, color=ORANGE, alpha=0.25)
    axes.set(ylabel="payment, €")
    axes.set_ylim(bottom=0)
    axes.set_title(_wrapped(warning_text(warning, language)), fontsize=11, fontweight="normal")
    return Picture(drawing, f"{warning.customer}. {warning_text(warning, 'en')}")


def _wrapped(text: str, width: int = 96) -> str:
    lines, line = [], ""
    for word in text.split(" "):
        if len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line])
