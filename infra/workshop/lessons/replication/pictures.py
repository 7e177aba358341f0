"""Pictures of lesson 03: replicas, the effect of a kill, the result of each payment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from matplotlib.axes import Axes

from workshop.kafka.ledger import Reconciled
from workshop.kafka.replicas import partitions
from workshop.lessons.replication.observations import HOLE, Kill
from workshop.notebook.connection import Connection
from workshop.notebook.pictures import BLUE, FAINT, GREY, INK, ORANGE, RED, Picture, figure

BIN = 0.1  # seconds
OTHERS = 2  # gaps that are marked besides that of the kill; more would cover each other
HEIGHTS = (0.55, 0.8, 0.3)  # of the labels of marked gaps, as shares of the axis, so that neighbours do not overlap
TOP = (
    1_000  # acknowledgements per second at the top of the axis: the payments that waited come at once, and are cut off
)


def draw_replicas(ws: Connection, topic: str) -> Picture:
    """Draw every replica of every partition: ● leads, ○ is in sync, × is not."""
    found = partitions(ws, topic)
    drawing, axes = figure(width=6.5, height=0.75 + 0.5 * len(found))
    for row, partition in enumerate(found):
        for node in partition["replica_nodes"]:
            in_sync, leads = node in partition["isr_nodes"], node == partition["leader_id"]
            if in_sync:
                axes.scatter(
                    node, row, s=260, facecolor=BLUE if leads else "white", edgecolor=BLUE, linewidth=2, zorder=2
                )
            else:
                axes.scatter(node, row, s=180, marker="x", color=RED, linewidth=3, zorder=2)
    nodes = sorted({node for partition in found for node in partition["replica_nodes"]})
    axes.set_xticks(nodes, [f"broker {node}" for node in nodes])
    axes.set_yticks(range(len(found)), [f"partition {p['partition_index']}" for p in found])
    axes.set(
        xlim=(min(nodes) - 0.6, max(nodes) + 0.6),
        ylim=(len(found) - 0.5, -0.5),
        title="● leads   ○ in sync   × not in sync",
    )
    axes.grid(color=FAINT, zorder=0)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return Picture(drawing, _replicas_in_words(found))


def _replicas_in_words(found: list[dict]) -> str:
    leaders = [
        f"broker {p['leader_id']} leads partition {p['partition_index']}"
        if p["leader_id"] >= 0
        else f"nobody leads partition {p['partition_index']}"
        for p in found
    ]
    out = sorted({node for p in found for node in p["replica_nodes"] if node not in p["isr_nodes"]})
    state = "Every replica is in sync" if not out else f"Not in sync: the replicas on {_brokers(out)}"
    return f"{_listed(leaders)}. {state}."


def _brokers(nodes: list[int]) -> str:
    return f"broker {nodes[0]}" if len(nodes) == 1 else f"brokers {_listed([str(node) for node in nodes])}"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def draw_kill(seen: Kill) -> Picture:
    """Draw acknowledged payments per second over time, with the kill, the election and the gaps."""
    drawing, axes = figure(height=3.2)
    times = seen.acknowledged
    end = max([*times, 6.0])
    edges = [BIN * i for i in range(int(end / BIN) + 2)]
    counts, _, _ = axes.hist(times, bins=edges, weights=[1 / BIN] * len(times), color=BLUE)
    axes.set(xlabel="seconds", ylabel="acknowledged per second", xlim=(0, end), ylim=(0, TOP))
    for when, word, side in ((seen.killed, "killed ", "right"), (seen.elected, " new leader seen", "left")):
        if when is not None:
            axes.axvline(when, color=INK, linewidth=1.2, linestyle="--")
            axes.text(when, TOP * 1.02, word, ha=side, va="bottom", fontsize=10)
    cut = [edge + BIN / 2 for edge, count in zip(edges, counts, strict=False) if count > TOP]
    axes.scatter(cut, [TOP] * len(cut), marker="^", s=20, color=BLUE, clip_on=False, zorder=3)
    for gap, height in zip(_shown_gaps(seen), HEIGHTS, strict=False):
        _mark(axes, gap, height, _gap_in_words(seen, gap))
    said = [*_kill_in_words(seen), f"{_count(len(times), 'payment')} acknowledged."]
    return Picture(drawing, " ".join([*said, *_cut_in_words(max(counts, default=0))]))


def _cut_in_words(highest: float) -> list[str]:
    """Return a sentence about bars that are higher than the axis."""
    return [f"▲ marks bars of up to {highest:,.0f}: acknowledgements that came together."] if highest > TOP else []


def _shown_gaps(seen: Kill) -> list[tuple[float, float]]:
    """Return the gaps to mark: that of the kill, and the longest others. With acks=1 the kill may have left none."""
    if seen.killed is None:
        return []
    return [*([seen.write_gap] if seen.write_gap else []), *seen.other_gaps()[:OTHERS]]


def _mark(axes: Axes, gap: tuple[float, float], height: float, word: str) -> None:
    start, stop = gap
    axes.axvspan(start, stop, color=ORANGE, alpha=0.25)
    axes.text((start + stop) / 2, TOP * height, word, ha="center", fontsize=9, fontweight="bold")


def _gap_in_words(seen: Kill, gap: tuple[float, float]) -> str:
    words = f"{gap[1] - gap[0]:.1f} s"
    return f"{words}\nthis machine\npaused" if seen.was_paused(gap) and gap != seen.write_gap else words


def _kill_in_words(seen: Kill) -> list[str]:
    said = []
    if seen.result:
        said.append(f"{len(seen.result.lost)} lost, {len(seen.result.duplicated)} duplicated.")
    if gap := seen.write_gap:
        paused = "; for a part of it this machine paused" if seen.was_paused(gap) else ""
        said.append(f"After the kill nothing was acknowledged for {gap[1] - gap[0]:.1f} s{paused}.")
    elif seen.killed is not None and seen.result:
        said.append(f"The kill stopped the acknowledgements for less than {HOLE:g} s.")
    if seen.killed is not None and (others := seen.other_gaps()):
        said.append(_others_in_words(seen, others))
    return said


def _others_in_words(seen: Kill, others: list[tuple[float, float]]) -> str:
    """Return one sentence about all gaps but that of the kill; `others` begins with the longest."""
    longest = f"{others[0][1] - others[0][0]:.1f} s"
    paused = sum(map(seen.was_paused, others))
    if len(others) == 1:
        return f"1 other gap of {longest}: {'this machine paused' if paused else 'the brokers answered late'}."
    why = f"this machine paused in {paused} of them" if paused else "the brokers answered late"
    return f"{len(others)} other gaps, up to {longest}: {why}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun} was" if number == 1 else f"{number:,} {noun}s were"


ROW = 40  # squares per row
SQUARES = {  # words of the legend, colour of the edge, marker, colour of the face
    "in the log once": ("acknowledged, in the log once", BLUE, "s", BLUE),
    "lost": ("acknowledged and lost", RED, "X", RED),
    "twice or more": ("in the log twice or more", ORANGE, "D", ORANGE),
    "written without an answer": ("not acknowledged, in the log", GREY, "s", GREY),
    "unknown": ("not acknowledged, not in the log", GREY, "s", "white"),
}


def draw_squares(found: Reconciled, count: int = 200) -> Picture:
    """Draw one square per payment: its number of records in the log, and the producer's result."""
    drawing, axes = figure(height=2.9)
    kinds = [_kind(found, number) for number in range(count)]
    for kind, (word, colour, marker, face) in SQUARES.items():
        numbers = [number for number, one in enumerate(kinds) if one == kind]
        if numbers:
            style: Any = {"marker": marker, "facecolor": face, "edgecolor": colour, "linewidth": 1.2}
            places = [number % ROW for number in numbers], [number // ROW for number in numbers]
            axes.scatter(*places, s=70, label=f"{word}: {len(numbers)}", **style)
    rows = range(-(-count // ROW))
    axes.set(ylim=(count / ROW - 0.4, -0.6), xlim=(-1, ROW), xticks=[])
    axes.set_yticks(rows, [f"{row * ROW}" for row in rows], fontsize=9)
    axes.set_ylabel("payment", fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=11, handletextpad=0.2)
    return Picture(drawing, _squares_in_words(found, Counter(kinds)))


def _squares_in_words(found: Reconciled, totals: Counter) -> str:
    records = sum(found.times.values())
    said = [f"The log has {records:,} {'record' if records == 1 else 'records'}."]
    if totals["in the log once"]:
        said.append(f"{_count(totals['in the log once'], 'payment')} acknowledged and written once.")
    if lost := totals["lost"]:
        said.append(f"{_count(lost, 'payment')} acknowledged, and {'is' if lost == 1 else 'are'} not there: lost.")
    if twice := totals["twice or more"]:
        said.append(f"{twice:,} {'payment is' if twice == 1 else 'payments are'} there twice or more.")
    there = totals["written without an answer"]
    if unknown := totals["unknown"] + there:
        said.append(
            f"{_count(unknown, 'payment')} not acknowledged; {there:,} of them {'is' if there == 1 else 'are'} in the log."
        )
    return " ".join(said)


def _kind(found: Reconciled, number: int) -> str:
    if found.times[number] > 1:
        return "twice or more"
    if number in found.lost:
        return "lost"
    if number in found.failed:
        return "written without an answer" if found.times[number] else "unknown"
    return "in the log once"
