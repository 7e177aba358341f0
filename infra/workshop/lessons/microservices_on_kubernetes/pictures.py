"""Pictures of lessons 07 and 08 about pods: nodes, states over time, answers by pod and release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from workshop.load.traffic import Answer
from workshop.notebook.pictures import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALETTE,
    PURPLE,
    RED,
    Picture,
    blank,
    figure,
)
from workshop.notebook.pods import Pod

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import FancyBboxPatch

COLOURS = {"ready": GREEN, "not ready": ORANGE, "waiting": RED, "leaving": GREY, "ended": INK}
SIGNS = {"ready": "●", "not ready": "◐", "waiting": "✖", "leaving": "○", "ended": "□"}
APPS = {"payments": BLUE, "debits": PURPLE, "fraud-alerts": ORANGE, "kafka": GREY}


def draw_pods(nodes: Sequence[str], pods: Sequence[Pod], after: float | None = None) -> Picture:
    """Draw nodes as boxes with their pods and states; pods without a node are in a box of their own.

    Args:
        after: seconds since the start, shown in the title.
    """
    columns = [*nodes, ""] if any(not pod.node for pod in pods) else list(nodes)
    rows = max([sum(pod.node == node for pod in pods) for node in columns] + [3])
    drawing, axes = figure(height=0.9 + 0.34 * rows)
    blank(axes, (0, len(columns)), (-rows - 0.2, 1.1))
    said = []
    for number, node in enumerate(columns):
        here = [pod for pod in pods if pod.node == node]
        edge, style = (FAINT, "-") if node else (RED, "--")
        axes.add_patch(_box(number + 0.03, -rows - 0.1, 0.94, rows + 0.55, edge, style))
        axes.text(number + 0.5, 0.7, _node_name(node, nodes), ha="center", fontsize=10, color=INK, fontweight="bold")
        for row, pod in enumerate(here):
            axes.text(number + 0.08, -row - 0.15, SIGNS[pod.state], color=COLOURS[pod.state], fontsize=13, va="center")
            label = f"{pod.app} {pod.short}" if pod.app != "kafka" else pod.name
            axes.text(number + 0.19, -row - 0.15, label, color=APPS.get(pod.app, INK), fontsize=9, va="center")
        said.append(f"{_node_name(node, nodes)}: {', '.join(f'{pod.app} {pod.state}' for pod in here) or 'none'}")
    title = _legend(pods) if after is None else f"{_legend(pods)}      after {after:.1f} s"
    axes.set_title(title, fontsize=11, fontweight="normal")
    return Picture(drawing, "; ".join(said))


def draw_answers(answered: Mapping[str, Counter]) -> Picture:
    """Draw the number of answers per pod, one group of bars for each way of sending."""
    pods = sorted({pod for counts in answered.values() for pod in counts})
    drawing, rows = figure(
        height=0.7 + (0.35 * len(pods) + 0.7) * len(answered), rows=len(answered), squeeze=False, sharex=True
    )
    said = []
    for axes, (way, counts) in zip(rows[:, 0], answered.items(), strict=True):
        for row, pod in enumerate(pods):
            axes.barh(row, counts[pod], color=BLUE)
            axes.text(counts[pod], row, f" {counts[pod]}", va="center", fontsize=10)
        axes.set_yticks(range(len(pods)), [pod.rsplit("-", 1)[-1] for pod in pods])
        axes.set_title(way)
        axes.invert_yaxis()
        said.append(f"{way}: {', '.join(str(counts[pod]) for pod in pods)}")
    rows[-1, 0].set_xlabel("payments answered")
    return Picture(drawing, "; ".join(said))


def draw_lanes(seen: Sequence[tuple[float, Sequence[Pod]]], marks: Sequence[tuple[float, str]] = ()) -> Picture:
    """Draw one lane per pod over time, coloured by state; ↻ marks a restart of its container."""
    lanes = list(dict.fromkeys(pod.name for _, pods in seen for pod in pods))
    drawing, axes = figure(height=1.3 + 0.34 * max(3, len(lanes)))
    for number, name in enumerate(lanes):
        for began, ended, state in _spans(seen, name):
            axes.barh(number, ended - began, left=began, height=0.6, color=COLOURS[state], linewidth=0)
        _mark_restarts(axes, lanes.index(name), [(at, pod) for at, pods in seen for pod in pods if pod.name == name])
    _mark(axes, marks, len(lanes))
    axes.set_yticks(range(len(lanes)), [name.rsplit("-", 1)[-1] for name in lanes])
    end = max([at for at, _ in [*seen, *marks]] + [1.0])
    axes.set(xlabel="seconds", ylim=(len(lanes) - 0.4, -0.9), xlim=(0, end))
    shown = dict.fromkeys(pod.state for _, pods in seen for pod in pods)
    for number, state in enumerate(shown):
        axes.text(0.6 + 0.14 * number, 1.06, f"■ {state}", color=COLOURS[state], transform=axes.transAxes, fontsize=10)
    return Picture(drawing, f"{len(lanes)} pods over time; " + "; ".join(f"{word} at {at:.0f} s" for at, word in marks))


def draw_share(answers: Sequence[Answer], marks: Sequence[tuple[float, str]] = ()) -> Picture:
    """Draw payments per second over time, by the release that answered; failures are red."""
    good = [answer for answer in answers if answer.good]
    failed = [answer.at for answer in answers if not answer.good]
    end = max([answer.at for answer in answers] + [at for at, _ in marks] + [1.0])
    bins = [0.5 * i for i in range(int(end * 2) + 2)]
    drawing, axes = figure(height=3.0)
    releases = sorted({answer.release for answer in good})
    times = [[answer.at for answer in good if answer.release == release] for release in releases]
    below = np.zeros(len(bins) - 1)
    for some, colour in zip([*times, failed], [*PALETTE[: len(times)], RED], strict=True):
        above = below + 2.0 * np.histogram(some, bins)[0]
        axes.stairs(above, bins, baseline=below, fill=True, color=colour)  # one shape: a bar each would be slow to draw
        below = above
    for number, release in enumerate(releases):
        axes.text(0.01 + 0.16 * number, 1.03, f"■ release {release}", color=PALETTE[number], transform=axes.transAxes)
    said = f"{len(good)} payments accepted, {len(failed)} failed"
    axes.text(0.99, 1.03, said, ha="right", transform=axes.transAxes, color=RED if failed else INK)
    axes.set(xlabel="seconds", ylabel="answers per second", xlim=(0, end), ylim=(0, max(below.max() * 1.2, 1.0)))
    _mark(axes, marks, None)
    return Picture(drawing, said)


def _mark(axes: Axes, marks: Sequence[tuple[float, str]], lanes: int | None) -> None:
    for at, word in marks:
        axes.axvline(at, color=INK, linewidth=1.2, linestyle="--")
        if lanes is None:
            axes.text(at, axes.get_ylim()[1] * 0.97, f" {word}", ha="left", va="top", fontsize=10)
        else:
            axes.text(at, -0.55, f" {word}", ha="left", va="center", fontsize=10)


def _spans(seen: Sequence[tuple[float, Sequence[Pod]]], name: str) -> list[tuple[float, float, str]]:
    """Return begin, end and state of each stretch of time in which a pod's state stayed the same."""
    spans: list[tuple[float, float, str]] = []
    for (began, pods), (ended, _) in zip(seen, [*seen[1:], *seen[-1:]], strict=True):
        for pod in pods:
            if pod.name == name and spans and spans[-1][1:] == (began, pod.state):
                spans[-1] = (spans[-1][0], ended, pod.state)
            elif pod.name == name:
                spans.append((began, ended, pod.state))
    return spans


def _mark_restarts(axes: Axes, lane: int, seen: Sequence[tuple[float, Pod]]) -> None:
    for (_, before), (at, after) in pairwise(seen):
        if after.restarts > before.restarts:
            axes.text(at, lane, "↻", ha="center", va="center", fontsize=14, color=INK)


def _box(x: float, y: float, width: float, height: float, edge: str, style: str) -> FancyBboxPatch:
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.05", facecolor="none", edgecolor=edge,
        linewidth=1.5, linestyle=style,
    )  # fmt: skip


def _node_name(node: str, nodes: Sequence[str]) -> str:
    return f"node {list(nodes).index(node) + 1}" if node else "no node"


def _legend(pods: Sequence[Pod]) -> str:
    shown = dict.fromkeys(pod.state for pod in pods)
    return "   ".join(f"{SIGNS[state]} {state}" for state in shown)
