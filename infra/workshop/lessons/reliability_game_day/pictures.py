"""Pictures of lesson 09: requests with and without jitter, a run on one time axis, predictions, and the matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, count, islice, takewhile
from typing import TYPE_CHECKING, Any

from workshop.chaos.figures import percentile
from workshop.chaos.reconcile import OUTCOMES, Reconciled
from workshop.lessons.reliability_game_day.predictions import beside, sentence
from workshop.notebook.pictures import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    RED,
    Picture,
    blank,
    figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from workshop.chaos.day import Day

TIMES = ("not debited", "debited once", "twice or more")


def draw_beginning() -> Picture:
    """Draw a line of text in place of the run, until the first payment."""
    drawing, axes = figure(height=0.4)
    blank(axes, (0, 1), (0, 1))
    said = "First everything is repaired: three brokers, every pod ready …"
    axes.text(0, 0.5, said, va="center", fontsize=11, color=GREY)
    return Picture(drawing, said)


def draw_board(day: Day) -> Picture:
    """Draw a run on one time axis: rates, pending debits, latency, replicas and pods, with the faults."""
    drawing, (flow, waiting, wait, health) = figure(height=6.2, rows=4, sharex=True, height_ratios=(3, 2, 2, 2))
    entries, end = day.entries, max([at for at, _ in list(day.in_sync.seen)] + [day.began + 10]) - day.began
    told = sorted(at - day.began for entry in entries if (at := entry.acknowledged_at) is not None)
    taken = sorted(at - day.began for at, _, _ in list(day.debited.seen))
    again = [a.at - day.began for entry in entries for a in entry.attempts if a.status != 201]
    seconds = range(int(end) + 1)
    for times, colour, word, height in ((told, BLUE, "acknowledged", 1.0), (taken, GREEN, "debited", 0.82)):
        flow.step(list(seconds), _each_second(times, seconds), where="post", color=colour)
        flow.text(1.01, height, word, color=colour, transform=flow.transAxes, fontsize=9, va="top")
    if again:
        flow.step(list(seconds), _each_second(again, seconds), where="post", color=RED, linewidth=1.2)
        flow.text(1.01, 0.64, f"asked again: {len(again)}", color=RED, transform=flow.transAxes, fontsize=9, va="top")
    waiting.fill_between(
        list(seconds), [_up_to(told, s) - _up_to(taken, s) for s in seconds], step="post", color=PURPLE
    )
    _draw_wait(wait, entries, day.began, seconds)
    _draw_health(health, day)
    flow.set(ylabel="per second", ylim=(0, None))
    waiting.set(ylabel="not yet\ndebited", ylim=(0, None))
    wait.set(ylabel="p95, s", ylim=(0, None))
    health.set(xlabel="seconds", xlim=(0, max(end, 10)))
    for axes in (flow, waiting, wait, health):
        axes.grid(axis="x", color=FAINT)
        _shade(axes, day, end)
    _name(flow, day)
    return Picture(drawing, _said(day, told, taken, again))


def _draw_wait(axes: Axes, entries: Sequence, began: float, seconds: Sequence[int]) -> None:
    waits: dict[int, list[float]] = {}
    for entry in entries:
        if (at := entry.acknowledged_at) is not None:
            waits.setdefault(int(entry.at - began) // 2 * 2, []).append(at - entry.at)
    points = sorted((second + 1, percentile(some, 0.95)) for second, some in waits.items() if second >= 0)
    axes.plot([at for at, _ in points], [p95 for _, p95 in points], color=ORANGE)


def _draw_health(axes: Axes, day: Day) -> None:
    for sampler, colour, word, height in (
        (day.in_sync, BLUE, "replicas in sync", 1.0),
        (day.ready, GREEN, "pods ready", 0.7),
    ):
        seen = list(sampler.seen)
        axes.step([at - day.began for at, _ in seen], [value for _, value in seen], where="post", color=colour)
        axes.text(1.01, height, word, color=colour, transform=axes.transAxes, fontsize=9, va="top")
    axes.set(ylim=(0, 10), yticks=(0, 3, 6, 9))


def _shade(axes: Axes, day: Day, now: float) -> None:
    for step in day.steps:
        until = step.mended - day.began if step.mended else now
        axes.axvspan(step.began - day.began, until, color=ORANGE, alpha=0.15, linewidth=0, zorder=0)
        axes.axvline(step.began - day.began, color=INK, linewidth=1, linestyle="--")


def _name(axes: Axes, day: Day) -> None:
    """Write the faults above the axis, on two levels, so that they do not overlap."""
    for number, step in enumerate(day.steps):
        at, height = step.began - day.began, 1.04 + 0.16 * (number % 2)
        word = axes.text(at, height, step.word, transform=axes.get_xaxis_transform(), fontsize=9, va="bottom")
        word.set_in_layout(number % 2 == 1 or len(day.steps) == 1)


def _said(day: Day, told: Sequence, taken: Sequence, again: Sequence) -> str:
    names = ", ".join(f"{step.word} at {step.began - day.began:.0f} s" for step in day.steps) or "no fault yet"
    said = f"{len(told)} payments acknowledged, {len(taken)} debited, {len(again)} attempts repeated; {names}"
    return said + (f"; {day.result.sentence()}" if day.result else "")


def _each_second(times: Sequence[float], seconds: Sequence[int]) -> list[int]:
    counts = [0] * (len(seconds) + 1)
    for at in times:
        if 0 <= at < len(seconds):
            counts[int(at)] += 1
    return counts[: len(seconds)]


def _up_to(times: Sequence[float], second: float) -> int:
    from bisect import bisect_right

    return bisect_right(times, second)


def draw_predictions(predicted: Mapping[str, Any], day: Day) -> Picture:
    """Draw the predicted longest gap of each fault beside the measured one, and the other figures as text."""
    pairs = beside(predicted, day)
    drawing, (axes, table) = figure(height=1.3 + 0.62 * len(pairs), columns=2, width_ratios=(3, 2))
    for row, (told, one) in enumerate(pairs):
        axes.barh(row, one.gap, height=0.5, color=BLUE)
        axes.text(one.gap, row, f" {one.gap:.1f} s", va="center", fontsize=10, color=BLUE)
        if told.gap is not None:
            axes.plot(told.gap, row, marker="D", markersize=8, color=ORANGE)
            axes.annotate("you", (told.gap, row), (0, 9), textcoords="offset points", ha="center", color=ORANGE)
        _write(table, row, (_with(told.again_word, one.again), _with(told.lost, one.lost), f"{one.p95:.1f} s"))
    _write(table, -0.8, ("attempts\nwithout success", "lost", "p95"), fontweight="bold")
    longest = max([1.0, *(one.gap for _, one in pairs), *(told.gap for told, _ in pairs if told.gap is not None)])
    axes.set(xlabel="longest time without an\nacknowledgement, seconds", xlim=(0, longest * 1.18))
    heights = (len(pairs) - 0.5, -1.2)  # the first fault at the top
    axes.set(ylim=heights, yticks=range(len(pairs)))
    axes.set_yticklabels([f"{one.fault}\n{one.hit}" if one.hit else one.fault for _, one in pairs])
    blank(table, (-0.6, 2.4), heights)
    return Picture(drawing, sentence(pairs))


def _write(axes: Axes, row: float, words: Sequence[str], **style: Any) -> None:
    for column, word in enumerate(words):
        axes.text(column, row, word, ha="center", va="center", fontsize=10, **style)


def _with(told: object, found: object) -> str:
    return f"{found}" if told is None else f"{found}\n(you: {told})"


def draw_requests(pauses: Callable[[], Iterable[float]], clients: int = 200, seconds: float = 8.0) -> Picture:
    """Draw when the clients of a failed service send again: with equal pauses, and with those of a given function."""
    ways = (("the same pauses for all", equal_pauses, RED), ("your pauses, with jitter", pauses, BLUE))
    drawing, rows = figure(height=3.2, rows=2, sharex=True, sharey=True)
    most = []
    for axes, (word, source, colour) in zip(rows, ways, strict=True):
        counts = _tenths([at for _ in range(clients) for at in _attempts(source(), seconds)], seconds)
        axes.bar([number / 10 for number in range(len(counts))], counts, width=0.09, align="edge", color=colour)
        axes.set_title(
            word, loc="right", fontsize=11, fontweight="normal", color=colour
        )  # above: bars may fill the rest
        most.append(max(counts))
    rows[1].set(xlabel="seconds after the failure", xlim=(0, seconds))
    drawing.supylabel("requests per 0.1 s", fontsize=11)
    said = f"{clients} clients fail at the same moment. In the busiest tenth of a second the service gets {most[0]} requests "
    return Picture(drawing, said + f"with equal pauses, and {most[1]} with jitter")


def equal_pauses() -> Iterator[float]:
    """Yield pauses that double, without jitter."""
    return (min(0.5 * 2**number, 4.0) for number in count())


def _attempts(pauses: Iterable[float], seconds: float) -> Iterator[float]:
    """Yield the times of the attempts of one client within the given seconds."""
    return takewhile(lambda at: at < seconds, accumulate(islice(pauses, 1_000)))


def _tenths(times: Sequence[float], seconds: float) -> list[int]:
    counts = [0] * max(1, round(seconds * 10))
    for at in times:
        counts[min(int(at * 10), len(counts) - 1)] += 1
    return counts


def draw_matrix(found: Reconciled) -> Picture:
    """Draw customers' outcomes against the number of debits: blue is as acknowledged, red is a violation."""
    drawing, axes = figure(width=7.0, height=2.9)
    blank(axes, (-0.02, 3.9), (-0.15, 3.6))
    for row, outcome in enumerate(OUTCOMES):
        axes.text(0.82, 2.5 - row, outcome, ha="right", va="center", fontsize=11)
        for times, word in enumerate(TIMES):
            count = found.matrix[outcome, times]
            axes.text(1.4 + times, 3.2, word, ha="center", fontsize=11) if row == 0 else None
            _cell(axes, (0.92 + times, 2.05 - row), count, _colour(outcome, times, count))
    verdict = "the promise was kept" if found.kept else "the promise was broken"
    return Picture(drawing, f"{verdict}: {found.sentence()}")


def _colour(outcome: str, times: int, count: int) -> str:
    broken = times == 2 or (outcome == "acknowledged" and times == 0) or (outcome == "refused" and times == 1)
    return GREY if not count else RED if broken else BLUE


def _cell(axes: Axes, corner: tuple[float, float], count: int, colour: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(corner, 0.95, 0.9, facecolor=colour if count else "white", edgecolor=colour, alpha=0.9))
    ink = "white" if count else GREY
    axes.text(corner[0] + 0.475, corner[1] + 0.45, f"{count:,}", ha="center", va="center", fontsize=15, color=ink)
