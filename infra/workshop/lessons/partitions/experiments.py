"""Lesson 02: measurements of partitions, and their pictures."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from kafka import KafkaProducer

from workshop.base.pace import paced
from workshop.base.waiting import wait_until
from workshop.domain.payments import PaymentMade
from workshop.kafka.background_consumers import Reader, wait_for, wait_until_shared
from workshop.kafka.background_consumers import reading as all_reading
from workshop.kafka.produce import publish
from workshop.notebook import story
from workshop.notebook.connection import Connection
from workshop.notebook.live import Live
from workshop.notebook.pictures import BLUE, FAINT, GREY, ORANGE, PALETTE, Picture, figure
from workshop.stack.kubernetes.background_build import measures

QUOTA_CLIENT = "lesson-02"
UNDER_WAY = 400  # events that may be unacknowledged at once
UNDER_WAY_LIMITED = 40  # the same per partition with a quota: a large burst causes a long throttle
QUOTA_RATE, BROKERS = 500, 3  # events of 1 kB per second and broker that the quota of the lesson allows
REACHED = 0.8  # share of that rate from which the quota counts as the limit
WARM_UP = 2.0  # seconds until a quota takes effect evenly
HOT_TERMINALS = 120
WORK = 0.005  # seconds per event, as if another service had to answer


def of_cards(cards: Iterable[int], count: int) -> list[PaymentMade]:
    """Return the first payments of some cards in June, in order of time."""
    rows = story.payments()
    rows = rows[rows["CUSTOMER_ID"].isin(list(cards)) & (rows["TX_DATETIME"] >= "2018-06-01")]
    return list(story.events(rows.head(count)))


def draw_placement(records: list, partitions: int) -> Picture:
    """Draw every record by partition and offset, with one colour per card."""
    cards = sorted({record.key.decode() for record in records})
    drawing, axes = figure(height=0.9 + 0.5 * partitions)
    label = {"textcoords": "offset points", "fontsize": 10, "fontweight": "bold", "va": "center"}
    taken: Counter = Counter()
    for card, colour, marker in zip(cards, PALETTE, "os^Dv", strict=False):
        own = [record for record in records if record.key.decode() == card]
        number = own[0].partition
        axes.scatter([r.offset for r in own], [r.partition for r in own], s=60, color=colour, marker=marker)
        last = max(r.offset for r in records if r.partition == number)
        axes.annotate(card, (last, number), (12, 7 - 14 * taken[number]), color=colour, **label)
        taken[number] += 1
    axes.set(xlabel="offset", yticks=range(partitions), ylim=(partitions - 0.4, -0.6), title="one colour per card")
    axes.set_yticklabels([f"partition {number}" for number in range(partitions)])
    axes.margins(x=0.12)
    where = {card: {r.partition for r in records if r.key.decode() == card} for card in cards}
    said = "; those of ".join(f"{card} are in {_named(numbers)}" for card, numbers in where.items())
    return Picture(drawing, f"The payments of {said}.")


def _named(partitions: Iterable[int]) -> str:
    numbers = sorted(partitions)
    return f"partition{'s' * (len(numbers) != 1)} {', '.join(map(str, numbers))}"


def draw_reading_order(records: list) -> Picture:
    """Draw the order of events for a reader of the whole topic, against the time of each event."""
    drawing, axes = figure(height=2.8)
    begin = min(record.timestamp for record in records)
    for number in sorted({record.partition for record in records}):
        own = [(i, (r.timestamp - begin) / 3.6e6) for i, r in enumerate(records) if r.partition == number]
        axes.plot(*zip(*own, strict=True), ".", color=PALETTE[number], markersize=5, label=f"partition {number}")
    axes.set(
        xlabel="place in the order of reading",
        ylabel="time of the payment\n(hours after the first)",
        title="order within a partition, none across",
    )
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=3)
    jumps = sum(1 for a, b in pairwise(records) if b.timestamp < a.timestamp)
    back = sum(1 for number in {r.partition for r in records} for a, b in pairwise(_of(records, number)) if a > b)
    within = (
        "Within each partition the time never goes back" if not back else f"Within partitions it goes back {back} times"
    )
    times = "once" if jumps == 1 else f"{jumps} times"
    return Picture(drawing, f"{within}; in the order of reading it goes back {times}.")


def _of(records: list, partition: int) -> list[int]:
    return [record.timestamp for record in records if record.partition == partition]


@measures
def write_rates(
    ws: Connection, new_producer: Callable[[], KafkaProducer], partitions: Iterable[int], seconds: float
) -> dict[int, float]:
    """Measure the acknowledged events of 1 kB per second, on topics with one replica per partition.

    Args:
        new_producer: makes the producer of a measurement; with the client name of the quota, fewer events are in flight.
        partitions: numbers of partitions, one measurement each.
    """
    found: dict[int, float] = {}
    counts = list(partitions)
    limited = False
    live = Live(lambda: draw_writes(found, counts, limited))
    for count in counts:
        topic = ws.fresh_topic(f"writes-{count}", partitions=count, copies=1)
        with closing(new_producer()) as producer:
            limited = producer.config["client_id"] == QUOTA_CLIENT
            room = UNDER_WAY_LIMITED * count if limited else UNDER_WAY
            found[count] = _write(producer, topic, count, (WARM_UP if limited else 0.5, paced(seconds, 1.0)), room)
        live.finish()
    return found


def _write(producer: KafkaProducer, topic: str, partitions: int, phases: tuple[float, float], room: int) -> float:
    """Send round robin with a limit of events in flight; return the acknowledged events per second.

    Each partition has its own share of that number, so that a throttling broker does not delay the other partitions.

    Args:
        phases: seconds of warm-up, then seconds of measurement.
        room: the number of events in flight.
    """
    value, acknowledged = b"x" * 1000, []
    free = [threading.Semaphore(max(1, room // partitions)) for _ in range(partitions)]

    def done(partition: int) -> None:
        acknowledged.append(time.monotonic())
        free[partition].release()

    producer.partitions_for(topic)
    counts_from = time.monotonic() + phases[0]
    until = counts_from + phases[1]
    while time.monotonic() < until:
        open_ones = [number for number in range(partitions) if free[number].acquire(blocking=False)]
        for number in open_ones:
            producer.send(topic, value=value, partition=number).add_callback(lambda _, n=number: done(n))
        if not open_ones:
            time.sleep(0.001)
    return sum(counts_from <= when < until for when in acknowledged) / phases[1]


def draw_writes(found: Mapping[int, float], counts: Sequence[int], limited: bool) -> Picture:
    """Draw acknowledged events per second against the number of partitions, with space for missing values."""
    drawing, axes = figure(height=2.8)
    axes.bar(range(len(found)), list(found.values()), color=BLUE if limited else GREY, width=0.6)
    for place, rate in enumerate(found.values()):
        axes.text(place, rate, f"{rate:,.0f}", ha="center", va="bottom", fontsize=10)
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
    axes.set_xlim(-0.5, len(counts) - 0.5)
    title = "each broker accepts 0.5 MB/s from this client" if limited else "no quota"
    axes.set(xlabel="partitions", ylabel="events of 1 kB per second", title=title)
    axes.margins(y=0.15)
    said = [f"{rate:,.0f} events/s with {n} partition{'s' * (n != 1)}" for n, rate in found.items()]
    return Picture(drawing, f"The brokers acknowledged {', '.join(said)}.{_limit(found, limited)}" if said else "")


def _limit(found: Mapping[int, float], limited: bool) -> str:
    """Return what limited the rates, the quota or the machine itself, as a sentence."""
    if not limited:
        return " No quota was set: the machine itself was the limit."
    allowed = {n: min(n, BROKERS) * QUOTA_RATE for n in found}
    slow = [n for n, rate in found.items() if rate < REACHED * allowed[n]]
    if not slow:
        return ""
    rates = " and ".join(f"{allowed[n]:,}" for n in slow)
    return (
        f" With {' and '.join(map(str, slow))} partition{'s' * (slow != [1])}, the machine itself was the limit: "
        f"the quota allows about {rates} events/s."
    )


@measures
def read_rates(ws: Connection, topic: str, partitions: int, readers: Iterable[int], seconds: float) -> dict[int, list]:
    """Measure the events per second of each reader in groups of different sizes; each event takes 5 ms."""
    found: dict[int, list] = {}
    counts = list(readers)
    live = Live(lambda: draw_reads(found, counts, partitions))
    for count in counts:
        group = f"readers-{uuid.uuid4().hex[:6]}"
        members = [Reader(ws, topic, group, f"reader-{n}", work=WORK) for n in range(count)]
        with all_reading(members):
            wait_until_shared(members, partitions)
            before, began = [len(m.records) for m in members], time.monotonic()
            time.sleep(paced(seconds, 1.0))
            took = time.monotonic() - began
            found[count] = [(len(m.records) - b) / took for m, b in zip(members, before, strict=True)]
        live.finish()
    return found


def draw_reads(found: Mapping[int, list], counts: Sequence[int], partitions: int) -> Picture:
    """Draw events per second by number of readers: stacked shares, idle readers, and the ideal dashed."""
    drawing, axes = figure(height=3.2)
    for count, rates in found.items():
        bottom = 0.0
        for rate in rates:
            if rate < 1:
                continue
            axes.bar(count, rate, bottom=bottom, color=BLUE, edgecolor="white", width=0.6)
            bottom += rate
        idle = sum(rate < 1 for rate in rates)
        text = f"{bottom:,.0f}" + (f"\n{idle} idle ○" if idle else "")
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  # the dashed line does not cross the text
        axes.text(count, bottom + 15, text, ha="center", va="bottom", zorder=4, bbox=behind)
    most = max(counts)
    ideal = 1 / WORK
    line = [0.6 * ideal, (most + 0.4) * ideal]
    meaning = f"{ideal:,.0f} events/s for each reader, the most that {1000 * WORK:.0f} ms per event allow"
    axes.plot([0.6, most + 0.4], line, "--", color=GREY, linewidth=1, label=meaning, zorder=1)
    axes.legend(loc="upper left", fontsize=10)
    axes.set(xlabel="readers in the group", ylabel="events per second", title=f"{partitions} partitions: the ceiling")
    axes.set(xlim=(0.4, most + 0.6), ylim=(0, max(6, most) * ideal * 1.1), xticks=list(counts))
    said = [
        f"{sum(rates):,.0f} events/s with {n} reader{'s' * (n != 1)}" + _idle(sum(rate < 1 for rate in rates))
        for n, rates in found.items()
    ]
    return Picture(drawing, f"The group handled {', '.join(said)}." if said else "")


def _idle(readers: int) -> str:
    return f" ({readers} idle)" if readers else ""


def hot_day(count: int = 600) -> list[PaymentMade]:
    """Return a day on which one card makes 60 % of the payments, at many terminals, in order of time.

    A card that pays at few terminals could get most of them into one partition by the luck of the hash.
    """
    calm = story.one_day()[: int(count * 0.4)]
    first = calm[0].at
    hot = [
        replace(
            calm[0],
            card="card-0007",
            terminal=f"terminal-{n % HOT_TERMINALS:05d}",
            at=first + timedelta(seconds=60 * n),
            payment_id=f"hot-{n:04d}",
        )
        for n in range(count - len(calm))
    ]
    return sorted(calm + hot, key=lambda event: event.at)


def watch_lag(ws: Connection, events: list[PaymentMade], partitions: int = 4) -> dict[int, list[tuple[float, int]]]:
    """Publish events, let one reader per partition process them, and draw each partition's lag.

    Returns:
        Partition to pairs: seconds, number of events that are not read yet.
    """
    topic = ws.fresh_topic("hot", partitions=partitions)
    group = f"hot-{uuid.uuid4().hex[:6]}"
    readers = [Reader(ws, topic, group, f"reader-{n}", work=WORK) for n in range(partitions)]
    for reader in readers:
        reader.hold()
    lags: dict[int, list[tuple[float, int]]] = {number: [] for number in range(partitions)}
    hot = Counter(event.card for event in events).most_common(1)[0][1] / len(events)
    with all_reading(readers):
        wait_until_shared(readers, partitions)
        written = Counter(place.partition for place in publish(ws, topic, events))
        live = Live(lambda: draw_lag(lags, hot))
        began = time.monotonic()
        for reader in readers:
            reader.go()

        def left() -> int:
            read = Counter(record.partition for reader in readers for record in list(reader.records))
            for number, points in lags.items():
                points.append((time.monotonic() - began, written[number] - read[number]))
            live.update()
            return sum(points[-1][1] for points in lags.values())

        wait_for(readers, lambda: left() == 0, "all events to be read")
        live.finish()
    return lags


def draw_lag(lags: Mapping[int, list[tuple[float, int]]], hot_share: float = 0.6) -> Picture:
    """Draw each partition's lag over time.

    Args:
        hot_share: share of the events that one card has.
    """
    drawing, axes = figure(height=2.9)
    said = []
    for number, points in lags.items():
        if not points:
            continue
        times, left = zip(*points, strict=True)
        axes.plot(times, left, color=PALETTE[number % len(PALETTE)])
        done = next((when for when, lag in points if lag == 0), None)
        said.append(_lag_of(number, left[0], done))
    axes.set(
        xlabel="seconds",
        ylabel="lag: events to be read",
        title=f"one reader per partition; one card has {hot_share:.0%} of the events",
    )
    begun = {number: points for number, points in lags.items() if points}
    if begun:
        hot = max(begun, key=lambda number: begun[number][0][1])
        middle = begun[hot][len(begun[hot]) // 2]
        axes.annotate(f"partition {hot}, with the hot card", middle, (10, 6), textcoords="offset points", fontsize=10)
        axes.text(0.02, 0.28, "the others", transform=axes.transAxes, fontsize=10)
        said.append(_hottest(hot, {number: points[0][1] for number, points in begun.items()}, hot_share))
    return Picture(drawing, " ".join(filter(None, said)))


def _hottest(partition: int, events: Mapping[int, int], hot_share: float) -> str:
    """Return why a partition has a larger share of the events than its hot card; empty if it has not."""
    share = events[partition] / max(1, sum(events.values()))
    if f"{share:.0%}" == f"{hot_share:.0%}" or share < hot_share:
        return ""
    return (
        f"Other cards share partition {partition} with the hot one, so it has more than {hot_share:.0%}: {share:.0%}."
    )


def _lag_of(partition: int, events: int, done: float | None) -> str:
    had = f"Partition {partition} had {events} event{'s' * (events != 1)}"
    return f"{had}, all read after {done:.1f} s." if done is not None else f"{had}."


def wait_for_partitions(producer: KafkaProducer, topic: str, count: int) -> None:
    """Wait until a producer knows the given number of partitions; brokers learn of new ones at different moments."""
    grown = lambda: len(producer.partitions_for(topic)) == count  # noqa: E731
    wait_until(grown, 30, f"the producer to know {count} partitions of {topic}", every=0.1)


def places(records: list) -> dict[str, list[int]]:
    """Return key to the partitions of its events, in the order of the records."""
    found: dict[str, list[int]] = {}
    for record in records:
        known = found.setdefault(record.key.decode(), [])
        if record.partition not in known:
            known.append(record.partition)
    return found


def draw_moves(before: list, now: list) -> Picture:
    """Draw the partition of each card's earlier events, and the other partitions of its events now."""
    old, new = places(before), places(now)
    cards = sorted(old)
    drawing, axes = figure(height=3.2)
    moved = 0
    for x, card in enumerate(cards):
        (was,) = old[card]
        elsewhere = [number for number in new[card] if number != was]
        moved += bool(elsewhere)
        for number in elsewhere:
            axes.annotate("", (x, number), (x, was), arrowprops={"arrowstyle": "->", "color": ORANGE, "lw": 2})
        colour = "white" if elsewhere else BLUE
        axes.scatter(x, was, s=70, facecolor=colour, edgecolor=BLUE, linewidth=2, zorder=3)
    axes.set_xticks(range(len(cards)), [card.removeprefix("card-") for card in cards], fontsize=8, rotation=90)
    axes.set(xlabel="card", ylabel="partition", yticks=range(6), title="● same partition   ○→ now written elsewhere")
    axes.grid(axis="y", color=FAINT)
    are = "is" if moved == 1 else "are"
    return Picture(drawing, f"{moved} of {len(cards)} cards {are} now written to another partition than before.")
