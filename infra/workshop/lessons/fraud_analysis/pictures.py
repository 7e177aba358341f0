"""Pictures of lesson 05: the path of a payment, the base rate, precision and recall, a warning."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from workshop.domain.fraud.periods import PeriodWarning
from workshop.domain.fraud.warnings_text import warning_text
from workshop.lessons.fraud_analysis.observations import Moments
from workshop.notebook.pictures import BLUE, FAINT, GREY, INK, ORANGE, PALETTE, RED, Picture, figure


def draw_moments(seen: Moments) -> Picture:
    """Draw each payment at its time, with the milliseconds until it was debited and flagged."""
    drawing, axes = figure(height=3.4)
    said = []
    for number, moment in enumerate(seen.payments.values()):
        axes.scatter(moment.made, moment.cents / 100, s=70, color=FAINT if moment.debited is None else BLUE, zorder=2)
        words = [] if moment.debited is None else [f"debited {moment.debited * 1000:.0f} ms"]
        if moment.flagged is not None:
            axes.scatter(moment.made, moment.cents / 100, s=320, facecolor="none", edgecolor=RED, linewidth=2.5)
            words.append(f"flagged {moment.flagged * 1000:.0f} ms")
        axes.annotate(
            "\n".join(words), (moment.made, moment.cents / 100), xytext=(0, 13 + 12 * (number % 2)),
            textcoords="offset points", ha="center", va="bottom", fontsize=8.5,
        )  # fmt: skip
        said.append(f"{moment.cents / 100:.2f} euros: {', '.join(words) or 'on its way'}")
    last = max((moment.made for moment in seen.payments.values()), default=0)
    axes.set(xlabel="seconds", ylabel="payment, €", ylim=(0, 330), xlim=(-0.1, max(3, last + 0.4)))
    axes.set_title("each payment ● is debited; those in a ring are flagged")
    return Picture(drawing, "; ".join(said))


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
    axes.set_title(f"{red} of {count} payments are frauds: whoever flags nothing is right {1 - share:.1%} of the time")
    return Picture(drawing, f"{red} of {count} payments are frauds")


def draw_curves(
    fraud: np.ndarray, scores: Mapping[str, np.ndarray], points: pd.DataFrame | Mapping[str, np.ndarray]
) -> Picture:
    """Draw precision against recall for all thresholds of some scores; rules have none, they are points."""
    drawing, axes = figure(width=7.2, height=4.0)
    said = []
    for (name, values), colour in zip(scores.items(), PALETTE, strict=False):
        precision, recall, _ = precision_recall_curve(fraud, values)
        axes.plot(recall, precision, color=colour, label=name)
        area = float(-np.sum(np.diff(recall) * precision[:-1]))
        said.append(f"{name} {area:.2f}")
    for number, (name, flag) in enumerate(points.items()):
        x, y = fraud[flag].sum() / fraud.sum(), fraud[flag].mean() if flag.any() else 0
        axes.scatter(x, y, color=INK, s=45, zorder=4)
        away = (9, 5) if number % 2 == 0 else (-12, -16)  # labels of neighbouring points do not overlap
        side = "left" if number % 2 == 0 else "right"
        ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        axes.annotate(name, (x, y), xytext=away, textcoords="offset points", fontsize=9, ha=side, bbox=ground)
    axes.axhline(fraud.mean(), color=GREY, linestyle=":", linewidth=1)
    axes.set(
        xlabel="recall: share of the frauds that are found", ylabel="precision: share of the\nflags that are right"
    )
    axes.set(xlim=(0, 1.02), ylim=(0, 1.12))
    axes.legend(loc="upper right", fontsize=9)
    return Picture(drawing, f"average precision: {', '.join(said)}")


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
        xlabel="average precision, 8 to 14 August", title="grey ● published   blue ● computed here", xlim=(0.45, 0.75)
    )
    return Picture(drawing, "; ".join(f"{name} ({where}) {value:.3f}" for (where, name), value in column.items()))


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
    return Picture(drawing, f"{warning.customer}: {warning_text(warning, 'en')}")


def _wrapped(text: str, width: int = 96) -> str:
    lines, line = [], ""
    for word in text.split(" "):
        if len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line])
