"""Pictures of lesson 03: replicas, the effect of a kill, the result of each payment."""

from __future__ import annotations

from workshop.kafka.ledger import Reconciled
from workshop.kafka.replicas import partitions
from workshop.lessons.replication.observations import Kill
from workshop.notebook.connection import Connection
from workshop.notebook.pictures import BLUE, FAINT, GREY, INK, ORANGE, RED, Picture, figure

BIN = 0.1  # seconds


def draw_replicas(ws: Connection, topic: str) -> Picture:
    """Draw every replica of every partition: ● leads, ○ is in sync, × is out of sync."""
    found = partitions(ws, topic)
    drawing, axes = figure(width=6.5, height=0.75 + 0.5 * len(found))
    said = []
    for row, partition in enumerate(found):
        for node in partition["replica_nodes"]:
            in_sync, leads = node in partition["isr_nodes"], node == partition["leader_id"]
            if in_sync:
                axes.scatter(
                    node, row, s=260, facecolor=BLUE if leads else "white", edgecolor=BLUE, linewidth=2, zorder=2
                )
            else:
                axes.scatter(node, row, s=180, marker="x", color=RED, linewidth=3, zorder=2)
        leader = partition["leader_id"] if partition["leader_id"] >= 0 else "nobody"
        said.append(f"partition {row} is led by {leader}, in sync are {sorted(partition['isr_nodes'])}")
    nodes = sorted({node for partition in found for node in partition["replica_nodes"]})
    axes.set_xticks(nodes, [f"broker {node}" for node in nodes])
    axes.set_yticks(range(len(found)), [f"partition {p['partition_index']}" for p in found])
    axes.set(
        xlim=(min(nodes) - 0.6, max(nodes) + 0.6), ylim=(len(found) - 0.5, -0.5), title="● leads   ○ in sync   × out"
    )
    axes.grid(color=FAINT, zorder=0)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return Picture(drawing, "; ".join(said))


def draw_kill(seen: Kill) -> Picture:
    """Draw acknowledged payments per second over time, with the kill, the election and the write gap."""
    drawing, axes = figure(height=3.2)
    times = seen.acknowledged
    end = max([*times, 6.0])
    edges = [BIN * i for i in range(int(end / BIN) + 2)]
    axes.hist(times, bins=edges, weights=[1 / BIN] * len(times), color=BLUE)
    said = f"{len(times)} payments acknowledged"
    top = axes.get_ylim()[1]
    for when, word in ((seen.killed, "killed"), (seen.elected, "seen elected")):
        if when is not None:
            axes.axvline(when, color=INK, linewidth=1.2, linestyle="--")
            axes.text(when, top * 1.02, word, ha="center", va="bottom", fontsize=10)
    # With acks=1 only the dead leader's partition waits, so there is no gap over all partitions.
    if seen.killed is not None and seen.acks == "all" and len(times) > 2:
        start, stop = seen.gap
        axes.axvspan(start, stop, color=ORANGE, alpha=0.25)
        axes.text((start + stop) / 2, top * 0.5, f"{stop - start:.1f} s", ha="center", fontsize=11, fontweight="bold")
        said += f"; the longest gap is {stop - start:.1f} s"
    if seen.result:
        said += f"; lost {len(seen.result.lost)}, duplicated {len(seen.result.duplicated)}"
        found = f"lost {len(seen.result.lost)}   duplicated {len(seen.result.duplicated)}"
        axes.text(0, 1.03, found, transform=axes.transAxes, fontweight="bold")
    axes.set(xlabel="seconds", ylabel="acknowledged per second", xlim=(0, end))
    return Picture(drawing, said)


def draw_squares(found: Reconciled, count: int = 200) -> Picture:
    """Draw one square per payment: its number of records in the log, and the producer's result."""
    drawing, axes = figure(height=2.9)
    kinds = {"in the log once": (BLUE, "s"), "lost": (RED, "X"), "twice or more": (ORANGE, "D"), "unknown": (GREY, "s")}
    totals = dict.fromkeys(kinds, 0)
    for number in range(count):
        kind = _kind(found, number)
        totals[kind] += 1
        colour, marker = kinds[kind]
        hollow = kind == "unknown" and not found.times[number]
        face = "white" if hollow else colour
        axes.scatter(number % 40, number // 40, s=70, marker=marker, facecolor=face, edgecolor=colour, linewidth=1.2)
    axes.set(ylim=(count / 40 - 0.4, -0.6), xlim=(-1, 40), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    words = {
        "in the log once": "■ acknowledged and in the log",
        "lost": "✖ acknowledged and lost",
        "twice or more": "◆ in the log twice or more",
        "unknown": "□ timed out: unknown to the producer",
    }
    said = "   ".join(f"{words[kind]}: {total}" for kind, total in totals.items() if total)
    axes.set_title(f"{said}\n{sum(found.times.values())} records in the log", fontsize=11, fontweight="normal")
    return Picture(drawing, said)


def _kind(found: Reconciled, number: int) -> str:
    if found.times[number] > 1:
        return "twice or more"
    if number in found.lost:
        return "lost"
    return "unknown" if number in found.failed else "in the log once"
