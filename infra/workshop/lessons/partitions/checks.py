"""Checks of lesson 02."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

from workshop.domain.payments import PaymentMade
from workshop.kafka import consume
from workshop.kafka.background_consumers import Reader, wait_for
from workshop.kafka.background_consumers import reading as all_reading
from workshop.kafka.produce import publish
from workshop.notebook import story
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import exercise, expect, unanswered

READERS = 6
EVENTS = 120


@exercise("02.1", "six readers, all of them busy")
def six_readers(ws: Connection, topic: Any, groups: Any) -> str:
    """Start six readers according to the answer, publish events, and count the events of each reader."""
    unanswered(topic is None, observed="`topic` is None", expected="the name of a topic, and six names of groups")
    expect(
        isinstance(topic, str) and isinstance(groups, list) and len(groups) == READERS,
        observed=f"`topic` is {topic!r}, `groups` is {groups!r}",
        expected=f"a topic's name, and a list of {READERS} names of groups: one for each reader",
    )
    run = uuid.uuid4().hex[:4]
    count = len(consume.partitions_of(ws, topic))
    readers = [Reader(ws, topic, f"{g}-{run}", f"reader-{n}", auto_offset_reset="latest") for n, g in enumerate(groups)]
    with all_reading(readers):
        wanted = {g: set(range(count)) for g in groups}
        wait_for(
            readers, lambda: _held(readers, groups) == wanted and _even(readers, groups, count), "the readers to join"
        )
        publish(ws, topic, _of_many_cards())
        wait_for(readers, lambda: sum(len(r.records) for r in readers) >= EVENTS * len(set(groups)), "all to be read")
        got = [len(reader.records) for reader in readers]
    read = Counter(record.value for reader in readers for record in reader.records)
    times = max(read.values())
    expect(
        times == 1,
        observed=f"each event was read {times} times: {len(set(groups))} groups repeat, they do not share",
        expected="each event once",
        hint="who shares the work is in one group",
    )
    idle = got.count(0)
    expect(
        idle == 0,
        observed=f"{idle} of {READERS} readers hold nothing: `{topic}` has {count} partitions",
        expected="work for each of them",
        hint="the ceiling is the topic's: what has it too few of?",
    )
    return f"the six readers got {', '.join(map(str, got))} events; each event was read once"


def _held(readers: list[Reader], groups: list[str]) -> dict[str, set[int]]:
    held: dict[str, set[int]] = {group: set() for group in groups}
    for reader, group in zip(readers, groups, strict=True):
        held[group] |= reader.partitions
    return held


def _even(readers: list[Reader], groups: list[str], partitions: int) -> bool:
    """Return whether each group has as many members with partitions as possible."""
    busy = Counter(group for reader, group in zip(readers, groups, strict=True) if reader.partitions)
    return all(busy[group] == min(members, partitions) for group, members in Counter(groups).items())


def _of_many_cards() -> list[PaymentMade]:
    return list(story.events(story.payments().drop_duplicates("CUSTOMER_ID").head(EVENTS)))


@exercise("02.2", "relief for the hot partition")
def relief(ws: Connection, topic: str, events: list[PaymentMade]) -> str:
    """Check that no partition has 40 % of the events, and that pairs of card and terminal stay in order."""
    records = consume.read_all(ws, topic)
    unanswered(not records, observed=f"`{topic}` is empty")
    found = [(record, PaymentMade.parse(record.value)) for record in records]
    expect(
        Counter(event.payment_id for _, event in found) == Counter(event.payment_id for event in events),
        observed=f"{len(records)} events for {len(events)} payments",
        expected="each payment once",
        hint="run the cell that makes a fresh topic, then publish each event once",
    )
    share = Counter(record.partition for record in records)
    hottest, most = share.most_common(1)[0]
    places: dict[tuple[str, str], set[int]] = {}
    for record, event in found:
        places.setdefault((event.card, event.terminal), set()).add(record.partition)
    torn = next((pair for pair, numbers in places.items() if len(numbers) > 1), None)
    expect(
        torn is None,
        observed=f"{torn} is in partitions {sorted(places[torn] if torn else ())}: its payments have no order any more",
        expected="each card and terminal in one partition",
        hint="the same pair must always give the same key",
    )
    expect(
        most < 0.4 * len(records),
        observed=f"partition {hottest} has {most / len(records):.0%} of the events",
        expected="less than 40 % in each",
        hint="a finer key: what else, besides the card, must stay together?",
    )
    last: dict[tuple[str, str], PaymentMade] = {}
    for _, event in found:
        before = last.get((event.card, event.terminal))
        expect(
            before is None or before.at <= event.at,
            observed=f"payment {event.payment_id} comes after one that happened later",
            expected="the order in which they happened",
            hint="publish the events in the order of the list",
        )
        last[event.card, event.terminal] = event
    return f"the hottest partition has {most / len(records):.0%}; {len(places)} pairs of card and terminal are in order"
