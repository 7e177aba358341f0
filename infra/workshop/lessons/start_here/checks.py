"""Checks of lesson 00."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Any

from workshop.kafka import consume
from workshop.notebook.connection import Connection
from workshop.notebook.exercises import exercise, expect, unanswered


@exercise("00.1", "two payments of one card, one of another")
def two_cards(ws: Connection, topic: str) -> str:
    """Check three events with a key: one key occurs twice, another once."""
    records = consume.read_all(ws, topic)
    unanswered(not records, observed=f"the end offset of `{topic}` moved by 0: nothing has arrived")
    keys = Counter(record.key for record in records)
    keyless = keys.pop(None, 0)
    expect(
        not keyless,
        observed=f"{len(records)} events, {keyless} of them without a key",
        expected="every event has its card as its key",
        hint="a card inside the value is only content; `key` is an argument of `send`, as bytes",
    )
    counts = sorted(keys.values())
    expect(
        counts == [1, 2],
        observed=f"{len(records)} events under {len(keys)} keys: {_listed(keys)}",
        expected="3 events: two under one key, one under another",
        hint="a log only grows: run the cell that makes a fresh topic again, then the answer once",
    )
    places = {record.key: record.partition for record in records}
    return "; ".join(f"`{key.decode()}` is in partition {number}" for key, number in sorted(places.items()))


def _listed(keys: Counter) -> str:
    return ", ".join(f"{count} × {key.decode(errors='replace')}" for key, count in keys.most_common(4))


@exercise("00.2", "the broker that leads your card's partition")
def leader(ws: Connection, card: str, answer: Any) -> str:
    """Check the leader of the partition with the card's payments against the current metadata."""
    unanswered(answer is None, observed="`leader` is None", expected="the number of a broker")
    place = consume.partition_of_key(ws, "payments", card.encode())
    expect(
        place is not None,
        observed=f"no event with the key `{card}` in `payments`",
        expected="the payment of section 2",
        hint="run section 2 first",
    )
    expect(
        isinstance(answer, int) and not isinstance(answer, bool),
        observed=f"`leader` is {answer!r}",
        expected="the number of a broker, such as 1",
        hint="an address is only the door by which a client comes in; the metadata know who leads",
    )
    with closing(ws.admin()) as admin:
        described = admin.describe_topics(["payments"])[0]["partitions"]
    partition = next(p for p in described if p["partition_index"] == place)
    expect(
        answer == partition["leader_id"],
        observed=f"broker {answer} {_role(answer, partition)}",
        expected=f"the broker that leads partition {place}",
        hint="`leader_id` stands beside `partition_index` in what `describe_topics` returns; if it has moved, ask once more",
    )
    others = [node for node in partition["replica_nodes"] if node != answer]
    return f"broker {answer} leads partition {place}; brokers {others} hold copies"


def _role(node: int, partition: dict) -> str:
    number = partition["partition_index"]
    if node in partition["replica_nodes"]:
        return f"holds a copy of partition {number} and does not lead it"
    return f"holds nothing of partition {number}"
