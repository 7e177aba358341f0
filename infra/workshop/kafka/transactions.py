"""The end of what committed transactions have written."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from workshop.kafka.admin import admin

DECIDED = ("PrepareCommit", "PrepareAbort")  # states of a transaction that is decided, and not yet marked everywhere
PATIENCE = 30.0  # seconds
PAUSE = 0.05


def committed_ends(kafka: Mapping, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Return the last stable offset of each partition, after all transactions that were committed before this call.

    A commit is acknowledged when the transaction's coordinator has stored it; the partitions get their markers afterwards.
    Until then the last stable offset is before the transaction, although it is committed. Transactions that are open are not
    waited for. (The states are those of KIP-664.)
    """
    with closing(KafkaConsumer(**kafka)) as consumer:
        written = consumer.end_offsets(places)
    deadline = time.monotonic() + PATIENCE
    with closing(KafkaConsumer(**kafka, isolation_level="read_committed")) as consumer:
        ends = consumer.end_offsets(places)
        while any(ends[place] < written[place] for place in places):
            waiting = _are_being_marked(kafka)
            ends = consumer.end_offsets(places)  # after the question: what was marked meanwhile is included
            if not waiting or time.monotonic() > deadline:
                break
            time.sleep(PAUSE)
    return ends


def _are_being_marked(kafka: Mapping) -> bool:
    try:
        with closing(admin(kafka)) as client:
            return any(client.list_transactions(state_filters=DECIDED).values())
    except KafkaError:  # a broker is away, or the rights are missing: nothing is known about its transactions
        return False
