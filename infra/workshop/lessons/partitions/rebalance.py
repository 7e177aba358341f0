"""Lesson 02, rebalances: members join, leave and die while a picture shows their partitions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from workshop.base.environment import tool_environment
from workshop.base.pace import paced
from workshop.base.processes import Component, Processes
from workshop.base.waiting import wait_until
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live
from workshop.notebook.pictures import GREY, INK, PALETTE, Picture, figure

PARTITIONS = 6
PATIENCE = 60.0
BREATH = 1.5  # seconds between two changes, so that the picture shows the stable state


@dataclass
class Group:
    """A consumer group whose members are processes.

    Attributes:
        changes: pairs of time (seconds since 1970) and description.
    """

    ws: Connection
    topic: str
    name: str
    began: float = field(default_factory=time.time)
    changes: list[tuple[float, str]] = field(default_factory=list)
    killed: dict[str, float] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)

    def join(self, member: str) -> None:
        """Start a member."""
        settings = self.ws.settings
        addresses = ",".join(self.ws.kafka["bootstrap_servers"])
        argv = (
            str(settings.python_bin / "python"),
            "-m",
            "workshop.lessons.partitions.group_member",
            addresses,
            self.topic,
            self.name,
        )
        self._note(f"{member} joins")
        self.members.append(member)
        self._processes.start(Component(self._component(member), argv, tool_environment(settings), grace=10.0))

    def leave(self, member: str) -> None:
        """Stop a member with SIGTERM, so that it leaves the group."""
        self._note(f"{member} leaves")
        self._processes.stop([self._component(member)])

    def kill(self, member: str) -> None:
        """Kill a member (SIGKILL), so that it cannot leave the group."""
        self._note(f"{member} killed")
        self.killed[member] = time.time()
        self._processes.stop([self._component(member)], at_once=True)

    def stop(self) -> None:
        """Stop all remaining members."""
        self._processes.stop([self._component(member) for member in self.members])

    def held(self) -> dict[str, list[tuple[float, set[int]]]]:
        """Return member to pairs of time and partitions; a killed member has no partitions from then on."""
        found = {}
        for member in self.members:
            lines = _lines(self._processes.tail(self._component(member), 1000))
            points = [(line["at"], set(line["partitions"])) for line in lines]
            if member in self.killed:
                points = [p for p in points if p[0] < self.killed[member]] + [(self.killed[member], set())]
            found[member] = points
        return found

    def holders(self) -> dict[int, list[str]]:
        """Return partition to the members that hold it now."""
        now = {member: points[-1][1] if points else set() for member, points in self.held().items()}
        return {number: [m for m, held in now.items() if number in held] for number in range(PARTITIONS)}

    def _component(self, member: str) -> str:
        return f"{self.name}-{member}"

    @property
    def _processes(self) -> Processes:
        return Processes(self.ws.settings.state)

    def _note(self, text: str) -> None:
        self.changes.append((time.time(), text))


def _lines(log: str) -> list[dict]:
    return [json.loads(line) for line in log.splitlines() if line.startswith('{"at"')]


def watch(ws: Connection) -> Group:
    """Let A, B and C join one by one, stop B, kill C, and draw the partitions of each member meanwhile."""
    group = Group(ws, ws.fresh_topic("watched", partitions=PARTITIONS), f"group-{uuid.uuid4().hex[:6]}")
    live = Live(lambda: draw(group))
    steps = [
        (group.join, "A", {"A"}),
        (group.join, "B", {"A", "B"}),
        (group.join, "C", {"A", "B", "C"}),
        (group.leave, "B", {"A", "C"}),
        (group.kill, "C", {"A"}),
    ]
    try:
        for act, member, expected in steps:
            act(member)
            _wait(group, live, expected)
    finally:
        group.stop()
    live.finish()
    return group


def _wait(group: Group, live: Live, members: set[str]) -> None:
    """Wait until these members share all partitions, and a moment longer."""

    def shared() -> bool:
        live.update()
        holders = group.holders()
        return all(len(held) == 1 for held in holders.values()) and {held[0] for held in holders.values()} == members

    wait_until(shared, PATIENCE, f"members {', '.join(sorted(members))} to share the partitions", every=0.1)
    until = time.monotonic() + paced(BREATH)
    while time.monotonic() < until:
        live.update()
        time.sleep(0.1)


def spans(points: list[tuple[float, set[int]]], number: int, end: float) -> list[tuple[float, float]]:
    """Return the intervals in which a member held a partition."""
    found: list[tuple[float, float]] = []
    since = None
    for when, held in points:
        if number in held and since is None:
            since = when
        elif number not in held and since is not None:
            found.append((since, when))
            since = None
    return found + ([(since, end)] if since is not None else [])


def draw(group: Group) -> Picture:
    """Draw time against partition, coloured by member; white means no member."""
    drawing, axes = figure(height=3.5)
    now = time.time()
    end = max([now] if not group.changes else [group.changes[-1][0] + BREATH, *_last_changes(group)])
    for colour, (member, points) in zip(PALETTE, group.held().items(), strict=False):
        for number in range(PARTITIONS):
            for start, stop in spans(points, number, max(end, now) if _is_live(group, member) else end):
                axes.barh(number, stop - start, left=start - group.began, height=0.7, color=colour)
                if stop - start > 0.8:
                    x = (start + stop) / 2 - group.began
                    axes.text(x, number, member, color="white", ha="center", va="center", fontweight="bold")
    for when, text in group.changes:
        axes.axvline(when - group.began, color=INK, linewidth=1, linestyle="--")
        axes.text(when - group.began, -0.75, f" {text}", fontsize=9, va="bottom", color=INK)
    axes.set(xlabel="seconds", yticks=range(PARTITIONS), ylim=(PARTITIONS - 0.4, -0.7))
    axes.set_yticklabels([f"partition {number}" for number in range(PARTITIONS)])
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(axis="y", length=0)
    return Picture(drawing, f"{'; '.join(text for _, text in group.changes)}. {describe(moves(group))}")


def _is_live(group: Group, member: str) -> bool:
    return member not in group.killed and not any(text == f"{member} leaves" for _, text in group.changes)


def _last_changes(group: Group) -> list[float]:
    return [points[-1][0] + BREATH for points in group.held().values() if points]


def moves(group: Group) -> dict[str, tuple[int, float]]:
    """Return, per change, the number of partitions that moved and the seconds until the last had moved."""
    found = {}
    for number, (when, text) in enumerate(group.changes):
        until = group.changes[number + 1][0] if number + 1 < len(group.changes) else float("inf")
        taken = [
            start
            for points in group.held().values()
            for partition in range(PARTITIONS)
            for start, _ in spans(points, partition, until)
            if when <= start < until
        ]
        found[text] = (len(taken), max(taken, default=when) - when)
    return found


def describe(found: Mapping[str, tuple[int, float]]) -> str:
    """Return the moves, one sentence per change."""
    return " ".join(
        f"{text}: {count} of {PARTITIONS} moved within {took:.1f} s." for text, (count, took) in found.items()
    )
