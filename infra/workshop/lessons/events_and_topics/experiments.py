"""Lesson 01: the waits and pictures around the clients that the notebook itself makes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from workshop.base.errors import WorkshopError
from workshop.kafka.failures import ADVICE
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live
from workshop.notebook.pictures import BLUE, FAINT, INK, ORANGE, PALETTE, Picture, figure

JOINING_TIMEOUT = 60.0  # seconds until all members of all groups have their partitions
DELETION_TIMEOUT = 60.0  # seconds until the first deletion
BEFORE = 1.0  # seconds to watch before the change
AFTERWARDS = 5.0  # seconds to watch after it: two more looks of the brokers, which take place every two seconds here

Extents = list[tuple[float, int, int]]


def draw_positions(first: int, end: int, positions: Mapping[str, int]) -> Picture:
    """Draw the log, and the position of each reader.

    Args:
        first: offset of the first record in the log.
        end: offset after the last one.
        positions: reader to the offset that it reads next.
    """
    drawing, axes = figure(height=0.9 + 0.55 * len(positions))
    for row, position in enumerate(positions.values()):
        axes.barh(row, position - first, left=first, height=0.5, color=PALETTE[row % len(PALETTE)])
        axes.barh(row, end - position, left=position, height=0.5, color=FAINT)
        text = f"next: offset {position}" if position < end else "has read all"
        axes.text(end * 1.01, row, text, va="center", fontsize=10)
    axes.set_yticks(range(len(positions)), list(positions))
    axes.set(xlim=(0, end * 1.22), xlabel="offset in the log", title="coloured: read; grey: still to be read")
    axes.invert_yaxis()
    said = "; ".join(
        f"{reader} has read {counted(position - first)} and {_continues(position, end)}"
        for reader, position in positions.items()
    )
    return Picture(drawing, f"{said}. The log holds {counted(end - first)}, {_offsets(first, end)}.")


def _continues(position: int, end: int) -> str:
    return f"continues at offset {position}" if position < end else "waits for new ones"


def _offsets(first: int, end: int) -> str:
    return f"offsets {first} to {end - 1}" if end > first else f"and the next one gets offset {end}"


def let_join(members: Iterable[KafkaConsumer], timeout: float = JOINING_TIMEOUT) -> None:
    """Poll the members of all groups until their partitions are shared out, and no member is without one.

    The topics must be empty, because records of these polls are lost. Each member polls in a thread of its own, as in a
    program of its own: kafka-python drops a completed join that nobody waits for, and members that poll in turn would
    rejoin again and again.

    Raises:
        WorkshopError: they are not shared out in time.
    """
    members = list(members)
    deadline = time.monotonic() + timeout

    def join(member: KafkaConsumer) -> None:
        while not _shared_out(members) and time.monotonic() < deadline:
            member.poll(timeout_ms=500)

    with ThreadPoolExecutor(len(members)) as pool:
        for joined in [pool.submit(join, member) for member in members]:
            joined.result()
    if not _shared_out(members):
        raise WorkshopError(f"The groups did not share out their partitions within {timeout:g} s.", ADVICE)


def _shared_out(members: Sequence[KafkaConsumer]) -> bool:
    """Return whether each partition belongs to exactly one member of each group."""
    held: dict[str, list[TopicPartition]] = {}
    for member in members:
        held.setdefault(str(member.config["group_id"]), []).extend(member.assignment())
    wanted = {place for places in held.values() for place in places}
    shared = all(sorted(places) == sorted(wanted) for places in held.values())
    return shared and all(member.assignment() for member in members)


def draw_shares(got: Mapping[str, Sequence], groups: Mapping[str, str]) -> Picture:
    """Draw the number of records per member, coloured by group.

    Args:
        got: member to its records.
        groups: member to its group.
    """
    drawing, axes = figure(height=0.9 + 0.5 * len(got))
    colours = dict(zip(dict.fromkeys(groups.values()), PALETTE, strict=False))
    for row, (member, records) in enumerate(got.items()):
        axes.barh(row, len(records), height=0.6, color=colours[groups[member]])
        axes.text(len(records), row, f"  {len(records)}", va="center")
    axes.set_yticks(range(len(got)), [f"{member}, group {groups[member]}" for member in got])
    axes.set(xlabel="payments read", title="payments per member; a colour is a group")
    axes.invert_yaxis()
    said = []
    for group in dict.fromkeys(groups.values()):
        mine = {member: len(records) for member, records in got.items() if groups[member] == group}
        each = ", ".join(f"{member} {number}" for member, number in mine.items())
        said.append(f"Group {group} read {counted(sum(mine.values()))}: {each}")
    return Picture(drawing, f"{'. '.join(said)}.")


def draw_lives(lives: Mapping[str, Sequence[Sequence[int]]], events: int) -> Picture:
    """Draw how often each event was handled over all runs of a service, one square per event.

    Args:
        lives: name of a service to the offsets that each of its runs handled.
        events: number of events in the topic.
    """
    drawing, axes = figure(height=0.9 + 0.75 * len(lives))
    found = []
    for row, (name, runs) in enumerate(lives.items()):
        times = Counter(offset for run in runs for offset in run)
        for offset in range(events):
            colour = ("white", BLUE)[times[offset]] if times[offset] < 2 else ORANGE
            axes.scatter(offset, row, marker="s", s=230, color=colour, edgecolor=BLUE, linewidth=1.5)
            word = "" if times[offset] == 1 else _times(times[offset])
            axes.text(offset, row + 0.42, word, ha="center", va="center", fontsize=9)
        found.append(f"{name}: {_handled(times, events)}")
    axes.set_yticks(range(len(lives)), list(lives))
    axes.set(xlabel="offset", xlim=(-0.8, events - 0.2), ylim=(len(lives) - 0.4, -0.5))
    axes.set_title("handled: blue once, white never, orange more than once")
    axes.tick_params(length=0)
    return Picture(drawing, ". ".join(f"{one[:1].upper()}{one[1:]}" for one in found))


def _handled(times: Mapping[int, int], events: int) -> str:
    """Return which offsets were not handled exactly once."""
    parts = []
    for often in sorted({times[offset] for offset in range(events)} - {1}):
        offsets = [offset for offset in range(events) if times[offset] == often]
        verb = "payment at offset" if len(offsets) == 1 else "payments at offsets"
        was = "was" if len(offsets) == 1 else "were"
        parts.append(f"the {verb} {_listed(offsets)} {was} {_handled_word(often)}")
    return " and ".join(parts) or "each payment was handled once"


def _handled_word(often: int) -> str:
    return "never handled" if often == 0 else f"handled {_times(often)}"


def _times(often: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(often, f"{often} times")


def _listed(offsets: Sequence[int]) -> str:
    """Return offsets in words, a run of them as its first and last."""
    runs: list[list[int]] = []
    for offset in offsets:
        if runs and runs[-1][-1] == offset - 1:
            runs[-1].append(offset)
        else:
            runs.append([offset])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def watch_log_starts(ws: Connection, topics: Mapping[str, str], change: Callable[[], object]) -> dict[str, Extents]:
    """Draw, live, which offsets topics of one partition hold, before a change and some seconds after the first deletion.

    Args:
        topics: label to topic.
        change: called once, after a second.

    Returns:
        Label to triples: seconds, offset of the first record, offset after the last one.
    """
    seen: dict[str, Extents] = {label: [] for label in topics}
    changed_at = gone_at = None
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        live = Live(lambda: draw_log_starts(seen, changed_at))
        began = time.monotonic()
        while (now := time.monotonic() - began) < (DELETION_TIMEOUT if gone_at is None else gone_at + AFTERWARDS):
            for label, topic in topics.items():
                seen[label].append((now, *_extent(consumer, topic)))
            if changed_at is None and now >= BEFORE:
                changed_at = now
                change()
            if gone_at is None and any(points[-1][1] for points in seen.values()):
                gone_at = now
            live.update()
            time.sleep(0.1)
        live.finish()
    return seen


def _extent(consumer: KafkaConsumer, topic: str) -> tuple[int, int]:
    place = TopicPartition(topic, 0)
    return consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]


def draw_log_starts(seen: Mapping[str, Extents], changed_at: float | None = None) -> Picture:
    """Draw the offsets that each topic holds over time, and the moment of the change."""
    drawing, axes = figure(columns=len(seen), height=2.8, sharey=True, squeeze=False)
    highest = max((end for points in seen.values() for *_, end in points), default=1)
    said = []
    for one, (label, points) in zip(axes[0], seen.items(), strict=True):
        latest = points[-1][0] if points else 0
        one.set(xlabel="seconds", ylim=(-0.04 * highest, 1.1 * highest), xlim=(0, max(5, latest)))
        one.set_title(label, fontsize=10)
        if changed_at is not None:
            one.axvline(changed_at, color=INK, linewidth=1, linestyle="--")
        if points:
            times, firsts, ends = zip(*points, strict=True)
            one.fill_between(times, firsts, ends, step="post", color=BLUE, alpha=0.3)
            one.step(times, firsts, where="post", color=ORANGE)
            side, away = ("bottom", 3) if firsts[-1] < ends[-1] else ("top", -4)
            one.annotate(
                "first offset", (latest, firsts[-1]), xytext=(-3, away), textcoords="offset points",
                color=ORANGE, fontsize=10, ha="right", va=side,
            )  # fmt: skip
            said.append(f"“{label}” holds {ends[-1] - firsts[-1]} of {counted(ends[-1])}")
    axes[0][0].set_ylabel("offsets in the log")
    if changed_at is not None:
        axes[0][0].text(changed_at, 0.5 * highest, " change", va="center", fontsize=10)
    latest = max((points[-1][0] for points in seen.values() if points), default=0)
    return Picture(drawing, f"After {latest:.0f} s: {'; '.join(said)}." if said else "Nothing was measured yet.")


def counted(number: int) -> str:
    """Return a number of payments in words, such as `1 payment` or `2 payments`."""
    return f"{number} payment" if number == 1 else f"{number} payments"
