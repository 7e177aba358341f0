"""Lesson 01: the differences between a log and a queue."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResourceType

from workshop.domain.payments import MalformedEvent, PaymentMade
from workshop.kafka import admin, consume
from workshop.kafka.background_consumers import Reader, wait_for, wait_until_shared
from workshop.kafka.background_consumers import reading as all_reading
from workshop.kafka.produce import publish
from workshop.notebook import story
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live
from workshop.notebook.pictures import BLUE, FAINT, INK, ORANGE, PALETTE, Picture, figure

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

SEVEN_DAYS = str(7 * 24 * 3600 * 1000)  # milliseconds
DELETION_TIMEOUT = 30.0


@contextmanager
def producer(ws: Connection) -> Iterator[KafkaProducer]:
    """Yield a producer; at the end of the block, everything that was sent is written."""
    with closing(KafkaProducer(**ws.kafka, acks="all")) as opened:
        yield opened
        opened.flush()


@contextmanager
def consumer(ws: Connection, topic: str, **options: object) -> Iterator[KafkaConsumer]:
    """Yield a consumer of a topic without automatic commits."""
    with closing(KafkaConsumer(topic, **ws.kafka, enable_auto_commit=False, **options)) as opened:
        yield opened


def take(consumer: KafkaConsumer, count: int, patience: float = 10) -> list:
    """Read the next `count` records, or as many as arrive within `patience` seconds."""
    records: list = []
    deadline = time.monotonic() + patience
    while len(records) < count and time.monotonic() < deadline:
        for batch in consumer.poll(timeout_ms=500, max_records=count - len(records)).values():
            records += batch
    return records


def draw_bookmarks(end: int, positions: Mapping[str, int]) -> Picture:
    """Draw the log from 0 to its end, and the position of each reader."""
    drawing, axes = figure(height=0.9 + 0.55 * len(positions))
    for row, position in enumerate(positions.values()):
        axes.barh(row, position, height=0.5, color=PALETTE[row % len(PALETTE)])
        axes.barh(row, end - position, left=position, height=0.5, color=FAINT)
        text = f"next: offset {position}" if position < end else "has read all"
        axes.text(end * 1.01, row, text, va="center", fontsize=10)
    axes.set_yticks(range(len(positions)), list(positions))
    axes.set(
        xlim=(0, end * 1.22),
        xlabel="offset in the log",
        title="coloured: read; grey: still to be read; nothing is gone",
    )
    axes.invert_yaxis()
    said = ", ".join(f"{reader} has read {position} of {end}" for reader, position in positions.items())
    return Picture(drawing, f"{said}. The log holds all {end}.")


def read_in_groups(ws: Connection, groups: Mapping[str, str], events: list[PaymentMade]) -> dict[str, Counter]:
    """Let readers join their groups, then publish events, and count the events of each reader.

    Args:
        groups: reader to group.

    Returns:
        Reader to a counter of payment ids.
    """
    topic, run = ws.fresh_topic("to-be-shared", partitions=4), uuid.uuid4().hex[:4]
    readers = [Reader(ws, topic, f"{group}-{run}", name) for name, group in groups.items()]
    with all_reading(readers):
        for group in dict.fromkeys(groups.values()):
            wait_until_shared([r for r, g in zip(readers, groups.values(), strict=True) if g == group], 4)
        publish(ws, topic, events)
        expected = len(events) * len(set(groups.values()))
        wait_for(readers, lambda: sum(len(r.records) for r in readers) >= expected, "all events to be read")
    return {r.name: Counter(PaymentMade.parse(record.value).payment_id for record in r.records) for r in readers}


def draw_shares(got: Mapping[str, Counter], groups: Mapping[str, str]) -> Picture:
    """Draw the number of events per reader, coloured by group."""
    drawing, axes = figure(height=0.9 + 0.5 * len(got))
    colours = dict(zip(dict.fromkeys(groups.values()), PALETTE, strict=False))
    for row, (reader, events) in enumerate(got.items()):
        axes.barh(row, events.total(), height=0.6, color=colours[groups[reader]])
        axes.text(events.total(), row, f"  {events.total()}", va="center")
    axes.set_yticks(range(len(got)), [f"{reader}, group {groups[reader]}" for reader in got])
    axes.set(xlabel="events read", title="one group shares, two groups repeat")
    axes.invert_yaxis()
    return Picture(drawing, "; ".join(f"{reader} read {events.total()} events" for reader, events in got.items()))


def work(ws: Connection, topic: str, group: str, *, commit: str, crash_at: int | None = None) -> list[int]:
    """Handle events one by one, and commit the offset before or after each of them.

    Args:
        commit: "before" or "after".
        crash_at: the offset at which the service crashes, between handling and commit.

    Returns:
        The offsets that this run handled.
    """
    consumer = KafkaConsumer(topic, **ws.kafka, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False)
    handled: list[int] = []
    end = _end(ws, topic)
    while not handled or handled[-1] < end - 1:
        for record in take(consumer, 1):
            if commit == "before":
                _commit(consumer, record)
            if commit == "after" or record.offset != crash_at:
                handled.append(record.offset)
            if record.offset == crash_at:
                consumer.close(autocommit=False)
                return handled
            if commit == "after":
                _commit(consumer, record)
    consumer.close(autocommit=False)
    return handled


def _commit(consumer: KafkaConsumer, record: ConsumerRecord) -> None:
    place = TopicPartition(record.topic, record.partition)
    consumer.commit({place: OffsetAndMetadata(record.offset + 1, "", -1)})


def _end(ws: Connection, topic: str) -> int:
    place = TopicPartition(topic, 0)
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        return consumer.end_offsets([place])[place]


def draw_lives(lives: Mapping[str, list[list[int]]], events: int) -> Picture:
    """Draw how often each event was handled over all runs of a service, one square per event."""
    drawing, axes = figure(height=0.9 + 0.75 * len(lives))
    colours, words = {0: "white", 1: BLUE, 2: ORANGE}, {0: "never", 1: "", 2: "twice"}
    found = []
    for row, (name, runs) in enumerate(lives.items()):
        times = Counter(offset for run in runs for offset in run)
        for offset in range(events):
            axes.scatter(offset, row, marker="s", s=230, color=colours[times[offset]], edgecolor=BLUE, linewidth=1.5)
            axes.text(offset, row + 0.42, words[times[offset]], ha="center", va="center", fontsize=9)
        odd = [f"offset {offset} was handled {words[times[offset]]}" for offset in range(events) if times[offset] != 1]
        found.append(f"{name}: {', '.join(odd) or 'each once'}")
    axes.set_yticks(range(len(lives)), list(lives))
    axes.set(xlabel="offset", xlim=(-0.8, events - 0.2), ylim=(len(lives) - 0.4, -0.5))
    axes.set_title("a crash at the worst moment: handled ■ once, □ never, orange twice")
    axes.tick_params(length=0)
    return Picture(drawing, ". ".join(found))


def watch_retention(ws: Connection) -> dict[str, list[tuple[float, int, int]]]:
    """Write payments of 2018 to two topics, set retention.ms of one to 7 days after 2 s, and draw both.

    Returns:
        Topic to triples: seconds since the write, first remaining offset, end offset.
    """
    topics = {label: ws.fresh_topic("of-2018", partitions=1) for label in ("told to keep 7 days", "keeps all")}
    for topic in topics.values():
        publish(ws, topic, story.one_day()[:200])
    told, *_ = topics.values()
    seen: dict[str, list[tuple[float, int, int]]] = {label: [] for label in topics}
    began, told_at, gone_at = time.monotonic(), None, None
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        live = Live(lambda: draw_retention(seen, told_at))
        while (now := time.monotonic() - began) < DELETION_TIMEOUT and now < (gone_at or now) + 2:
            if told_at is None and now >= 2:
                _set_retention(ws, told, SEVEN_DAYS)
                told_at = now
            for label, topic in topics.items():
                seen[label].append((now, *_extent(consumer, topic)))
            if gone_at is None and _extent(consumer, told)[0] > 0:
                gone_at = now
            live.update()
            time.sleep(0.1)
        live.finish()
    return seen


def _extent(consumer: KafkaConsumer, topic: str) -> tuple[int, int]:
    place = TopicPartition(topic, 0)
    return consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]


def _set_retention(ws: Connection, topic: str, milliseconds: str) -> None:
    admin.alter_configs(ws.kafka, ConfigResourceType.TOPIC, topic, {"retention.ms": milliseconds})


def draw_retention(seen: Mapping[str, list[tuple[float, int, int]]], told_at: float | None) -> Picture:
    """Draw the remaining offsets of each topic over time."""
    drawing, axes = figure(columns=len(seen), height=2.8, sharey=True)
    said = []
    for one, (label, points) in zip(axes, seen.items(), strict=True):
        latest = points[-1][0] if points else 0
        one.set(title=label, xlabel="seconds since the write", ylim=(-8, 215), xlim=(0, max(5, latest)))
        if points:
            times, firsts, ends = zip(*points, strict=True)
            one.fill_between(times, firsts, ends, step="post", color=BLUE, alpha=0.3)
            one.step(times, firsts, where="post", color=ORANGE)
            side, away = ("bottom", 3) if firsts[-1] < ends[-1] else ("top", -4)
            one.annotate(
                "first offset", (latest, firsts[-1]), xytext=(-3, away), textcoords="offset points",
                color=ORANGE, fontsize=10, ha="right", va=side,
            )  # fmt: skip
            said.append(f"{label}: {ends[-1] - firsts[-1]} of {ends[-1]} payments are there after {latest:.0f} s")
    if told_at is not None:
        axes[0].axvline(told_at, color=INK, linewidth=1, linestyle="--")
        axes[0].text(told_at, 100, "retention.ms  \n= 7 days  ", ha="right", va="center", fontsize=10)
    axes[0].set_ylabel("offsets that are there")
    return Picture(drawing, "; ".join(said))


def report_malformed(ws: Connection, topic: str) -> list[PaymentMade]:
    """Return the payments of a topic, and print each record that is not a payment."""
    payments = []
    for record in consume.read_all(ws, topic):
        try:
            payments.append(PaymentMade.parse(record.value))
        except MalformedEvent as reason:
            print(f"set aside: partition {record.partition}, offset {record.offset}: {reason}")
    return payments
