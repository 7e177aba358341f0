"""Lesson 00: the processes of the stack, and the path of one payment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from kafka import KafkaAdminClient
from kafka.errors import AuthorizationError
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from workshop.lessons.start_here.strays import end_offsets
from workshop.notebook.connection import Connection
from workshop.notebook.pictures import BLUE, FAINT, GREY, INK, ORANGE, Picture, blank, figure
from workshop.stack import lifecycle

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["draw_card", "draw_copies", "draw_stack", "end_offsets"]


def draw_stack(ws: Connection) -> Picture:
    """Draw the running processes: three brokers, JupyterLab, and the kernel of this notebook."""
    with closing(ws.admin()) as admin:
        described = admin.describe_cluster()
        leader = _leader_of_controllers(admin)
    components = lifecycle.status(ws.settings)["components"]
    drawing, axes = figure(height=2.9)
    blank(axes, (0, 12), (0, 4))
    for place, broker in enumerate(sorted(described["brokers"], key=lambda b: b["broker_id"])):
        number = broker["broker_id"]
        crown = "" if leader is None else "\ncontroller in charge" if number == leader else "\ncontroller"
        text = f"broker {number}{crown}\n{broker['host']}:{broker['port']}\n{_process(components, f'kafka-{number}')}"
        _box(axes, 0.1 + 4 * place, 2.1, text, BLUE)
    _box(axes, 0.1, 0.1, f"JupyterLab\n{_process(components, 'lab')}", GREY, height=1.4)
    _box(axes, 4.1, 0.1, f"this notebook's kernel\npid {os.getpid()}", ORANGE, height=1.4)
    axes.annotate("", (6, 2.05), (6, 1.6), arrowprops={"arrowstyle": "<->", "color": INK})
    axes.text(6.2, 1.82, "Kafka's protocol, over TCP", va="center", fontsize=10)
    count = len(described["brokers"])
    found = f"{count} broker{'s are' if count != 1 else ' is'} registered"
    found += "." if leader is None else f"; broker {leader} is the controller in charge."
    found += f" The kernel that runs your cells is process {os.getpid()}."
    return Picture(drawing, found)


def _leader_of_controllers(admin: KafkaAdminClient) -> int | None:
    """Return the active controller; None without the right to ask for it, as in a foreign Kafka."""
    try:
        return admin.describe_metadata_quorum()["topics"][0]["partitions"][0]["leader_id"]
    except AuthorizationError:
        return None


def _process(components: dict, name: str) -> str:
    component = components.get(name, {})
    if "pid" in component:
        return f"pid {component['pid']}, {component['memory_mb']} MB"
    if component.get("state") == "stopped":
        return "does not run"
    return f"a pod on {component['where'].rpartition('-')[2]}" if "where" in component else "runs elsewhere"


def _box(axes: Axes, x: float, y: float, text: str, colour: str, height: float = 1.8) -> None:
    style: dict[str, Any] = {
        "boxstyle": "round,pad=0.02,rounding_size=0.15",
        "linewidth": 2,
        "edgecolor": colour,
        "facecolor": "white",
    }
    axes.add_patch(FancyBboxPatch((x, y), 3.7, height, **style))
    axes.text(x + 1.85, y + height / 2, text, ha="center", va="center", fontsize=10.5, color=INK)


def draw_copies(ws: Connection, topic: str, written: Any) -> Picture:
    """Draw the replicas of a topic by broker and partition: ● leads, ○ follows; mark the written event."""
    with closing(ws.admin()) as admin:
        partitions = admin.describe_topics([topic])[0]["partitions"]
    partitions = sorted(partitions, key=lambda p: p["partition_index"])
    brokers = sorted({node for p in partitions for node in p["replica_nodes"]})
    drawing, axes = figure(height=0.75 + 0.55 * len(partitions))
    for row, partition in enumerate(partitions):
        for node in partition["replica_nodes"]:
            leads = node == partition["leader_id"]
            axes.scatter(node, row, s=330, facecolor=BLUE if leads else "white", edgecolor=BLUE, linewidth=2, zorder=2)
        if partition["partition_index"] == written.partition:
            _point_at(axes, partition["leader_id"], row, written.offset, brokers[-1])
    axes.set(xlim=(brokers[0] - 0.5, brokers[-1] + 1.6), ylim=(len(partitions) - 0.5, -0.6))
    axes.set_xticks(brokers, [f"broker {node}" for node in brokers])
    axes.set_yticks(range(len(partitions)), [f"partition {p['partition_index']}" for p in partitions])
    axes.set_title(f"{topic}: ● leads, ○ holds a copy")
    axes.tick_params(length=0)
    axes.grid(color=FAINT, zorder=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return Picture(
        drawing, _copies_in_words(next(p for p in partitions if p["partition_index"] == written.partition), written)
    )


def _copies_in_words(partition: Mapping, written: Any) -> str:
    """Return who holds the partition of a written event."""
    number, leader = partition["partition_index"], partition["leader_id"]
    others = [str(node) for node in sorted(partition["replica_nodes"]) if node != leader]
    copies = "no other broker holds a copy"
    if others:
        copies = f"broker{'s' * (len(others) > 1)} {' and '.join(others)} hold{'s' * (len(others) == 1)} a copy"
    place = f"Your payment is in partition {number}, at offset {written.offset}."
    return f"{place} Broker {leader} leads this partition; {copies}."


def _point_at(axes: Axes, node: int, row: int, offset: int, last: int) -> None:
    axes.axhspan(row - 0.42, row + 0.42, color=ORANGE, alpha=0.15, zorder=0)
    axes.text(last + 0.35, row, f"your payment,\noffset {offset}", va="center", fontsize=10, color=INK)


def draw_card(rows: pd.DataFrame, card: int) -> Picture:
    """Draw the payments of one card over half a year, one dot per payment."""
    own = rows[rows["CUSTOMER_ID"] == card]
    drawing, axes = figure()
    axes.scatter(own["TX_DATETIME"], own["TX_AMOUNT"], s=22, color=BLUE, alpha=0.75, linewidth=0)
    axes.set(
        ylabel="amount, €", ylim=(0, None), title=f"{len(own)} payments with card-{card:04d}, April to September 2018"
    )
    axes.margins(x=0.01)
    days = own["TX_DATETIME"].dt.date.nunique()
    found = f"Card-{card:04d} made {len(own)} payment{'s' * (len(own) != 1)} on {days} day{'s' * (days != 1)}."
    if len(own):
        median, largest = own["TX_AMOUNT"].median(), own["TX_AMOUNT"].max()
        found += f" The median amount is {median:.2f} €, the largest {largest:.2f} €."
    return Picture(drawing, found)
