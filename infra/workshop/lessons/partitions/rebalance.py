"""Lesson 02, rebalances: members join, leave and die while a picture shows their partitions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes

from workshop.base.environment import tool_environment
from workshop.base.pace import paced
from workshop.base.processes import Component, Processes
from workshop.base.waiting import wait_until
from workshop.lessons.partitions.group_member import as_json
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live
from workshop.notebook.pictures import GREY, INK, PALETTE, Picture, figure

PARTITIONS = 6
PATIENCE = 60.0
BREATH = 1.5  # seconds between two changes, so that the picture shows the stable state
# Seconds until a member that leaves is killed. `close` waits for the broker, which takes long on a busy machine. A member
# that is killed meanwhile has not left: the broker keeps its partitions for the session timeout, 45 s by default.
GRACE = 60.0
NARROWEST = 0.006  # of the width of the picture: a shorter gap would not be seen
SHORTEST = 0.1  # seconds: a shorter time is not told as a number
STORY = ("A joins", "B joins", "C joins", "B leaves", "C killed")


@dataclass
class Group:
    """A consumer group whose members are processes.

    Attributes:
        options: of the members' consumers.
        changes: pairs of time (seconds since 1970) and description.
    """

    ws: Connection
    topic: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
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
            as_json(self.options),
        )
        self._note(f"{member} joins")
        self.members.append(member)
        self._processes.start(Component(self._component(member), argv, tool_environment(settings), grace=GRACE))

    def leave(self, member: str) -> None:
        """Stop a member with SIGTERM and wait until it has left the group; note it if it ended before."""
        self._note(f"{member} leaves")
        began = time.monotonic()
        self._processes.stop([self._component(member)])
        if not any(line.get("left") for line in self._told(member)[-1:]):
            end = "was killed" if time.monotonic() - began >= GRACE else "ended"
            self.changes[-1] = (self.changes[-1][0], f"{member} {end} before it could leave")
            self.killed[member] = time.time()

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
            points = [(line["at"], set(line["partitions"])) for line in self._told(member)]
            if member in self.killed:
                points = [p for p in points if p[0] < self.killed[member]] + [(self.killed[member], set())]
            found[member] = points
        return found

    def holders(self) -> dict[int, list[str]]:
        """Return partition to the members that hold it now."""
        now = {member: points[-1][1] if points else set() for member, points in self.held().items()}
        return {number: [m for m, held in now.items() if number in held] for number in range(PARTITIONS)}

    def _told(self, member: str) -> list[dict]:
        return _lines(self._processes.tail(self._component(member), 1000))

    def _component(self, member: str) -> str:
        return f"{self.name}-{member}"

    @property
    def _processes(self) -> Processes:
        return Processes(self.ws.settings.state)

    def _note(self, text: str) -> None:
        self.changes.append((time.time(), text))


def _lines(log: str) -> list[dict]:
    return [json.loads(line) for line in log.splitlines() if line.startswith('{"at"')]


def watch(ws: Connection, options: Mapping[str, Any], steps: Sequence[str] = STORY) -> Group:
    """Let members join, leave and be killed, and draw the partitions of each member meanwhile.

    Args:
        options: of the members' consumers: kafka-python's, or confluent-kafka's with dots in their names.
        steps: "NAME joins", "NAME leaves" or "NAME killed", in order.
    """
    name = f"group-{uuid.uuid4().hex[:6]}"
    group = Group(ws, ws.fresh_topic("watched", partitions=PARTITIONS), name, options)
    live = Live(lambda: draw(group))
    act = {"joins": group.join, "leaves": group.leave, "killed": group.kill}
    members: set[str] = set()
    try:
        for step in steps:
            member, what = step.split()
            act[what](member)
            members ^= {member}
            _wait(group, live, members)
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
    _widen_gaps(axes, group, least=NARROWEST * (end - group.began))
    for when, text in group.changes:
        axes.axvline(when - group.began, color=INK, linewidth=1, linestyle="--")
        axes.text(when - group.began, -0.75, f" {text}", fontsize=9, va="bottom", color=INK)
    axes.set(xlabel="seconds", yticks=range(PARTITIONS), ylim=(PARTITIONS - 0.4, -0.7))
    axes.set_yticklabels([f"partition {number}" for number in range(PARTITIONS)])
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(axis="y", length=0)
    return Picture(drawing, describe(stops(group)))


def _widen_gaps(axes: Axes, group: Group, least: float) -> None:
    """Draw the gaps that are shorter than `least` seconds with that width."""
    held = group.held()
    for number in range(PARTITIONS):
        for stop, start in gaps(held, number):
            if start - stop < least:
                axes.barh(number, least, left=(start + stop - least) / 2 - group.began, height=0.72, color="white")


def _is_live(group: Group, member: str) -> bool:
    return member not in group.killed and not any(text == f"{member} leaves" for _, text in group.changes)


def _last_changes(group: Group) -> list[float]:
    return [points[-1][0] + BREATH for points in group.held().values() if points]


def stops(group: Group) -> dict[str, tuple[int, float]]:
    """Return, per change, the number of partitions that nobody read for a while, and the longest such while in seconds.

    It is the white in the picture: from the moment at which a partition lost its holder until another member held it. A
    while that has not ended is not counted.
    """
    held = group.held()
    found = {}
    for number, (when, text) in enumerate(group.changes):
        until = group.changes[number + 1][0] if number + 1 < len(group.changes) else float("inf")
        longest = [_gap(held, partition, when, until) for partition in range(PARTITIONS)]
        found[text] = (sum(gap > 0 for gap in longest), max(longest))
    return found


def gaps(held: Mapping[str, list[tuple[float, set[int]]]], partition: int) -> list[tuple[float, float]]:
    """Return the times in which a partition had no holder after it had one, and before it had another."""
    owned = sorted(span for points in held.values() for span in spans(points, partition, float("inf")))
    found, free_from = [], owned[0][1] if owned else 0.0
    for start, stop in owned[1:]:
        if start > free_from:
            found.append((free_from, start))
        free_from = max(free_from, stop)
    return found


def _gap(held: Mapping[str, list[tuple[float, set[int]]]], partition: int, when: float, until: float) -> float:
    """Return the longest time in seconds for which a partition had no holder between two changes; 0 if it always had one."""
    owned = sorted(span for points in held.values() for span in spans(points, partition, float("inf")))
    free_from, longest = when, 0.0
    for start, stop in owned:
        if start >= until:
            break
        longest = max(longest, start - free_from)
        free_from = max(free_from, stop)
    return longest


def describe(found: Mapping[str, tuple[int, float]]) -> str:
    """Return the stops, one sentence per change."""
    return " ".join(f"{text}: {_stopped(count, longest)}." for text, (count, longest) in found.items())


def _stopped(count: int, longest: float) -> str:
    if not count:
        return "no partition stopped being read"
    were = "was" if count == 1 else "were"
    time_long = f"up to {longest:.1f} s" if longest >= SHORTEST else f"less than {SHORTEST} s"
    return f"{count} of {PARTITIONS} partitions {were} not read, for {time_long}"
