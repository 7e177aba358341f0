"""Poll intervals and helpers for the records that services read and write."""

from __future__ import annotations

import time

from kafka import KafkaConsumer, TopicPartition
from workshop.domain.payments.events import CardEvent

# Poll timeouts without new records: until the service has joined its group, and afterwards, when it only checks for a
# shutdown. Each poll costs about ten switches between the client's threads. A record that arrives is returned at once.
JOINING_MS, IDLE_MS = 500, 1_000
# The longest time for which a broker may hold a fetch request without new records. A partition that an instance takes over
# from another one is fetched with the next request. (A broker that has new records answers at once.)
UNHURRIED = {"fetch_max_wait_ms": 5_000}


def behind(consumer: KafkaConsumer, place: TopicPartition, records: list) -> int:
    """Return the number of records after these in a partition, as of the last fetch."""
    if place not in consumer.assignment():
        return 0
    return max(0, (consumer.highwater(place) or 0) - records[-1].offset - 1)


def written_at(event: CardEvent) -> int:
    """Return an event's record timestamp, in ms since 1970; brokers refuse a timestamp in the future."""
    return max(0, min(event.timestamp_ms(), int(time.time() * 1000)))
