"""What a service asks about the records that it reads and writes, and how often it asks for more."""

from __future__ import annotations

import time

from kafka import KafkaConsumer, TopicPartition
from workshop.domain.payments.events import CardEvent

# So often a service that has nothing to read looks whether it is in its group, and later whether it is to leave: each look
# is some ten changes between the client's threads. A record that comes is handed over at once all the same.
JOINING_MS, IDLE_MS = 500, 1_000
# So long a broker that has nothing new may keep a question; a partition that an instance takes over from another one is asked
# for with the next. (One that has something to hand over answers at once.)
UNHURRIED = {"fetch_max_wait_ms": 5_000}


def behind(consumer: KafkaConsumer, place: TopicPartition, records: list) -> int:
    """How many records wait in a partition after these, as far as the last fetch saw."""
    if place not in consumer.assignment():
        return 0
    return max(0, (consumer.highwater(place) or 0) - records[-1].offset - 1)


def written_at(event: CardEvent) -> int:
    """The time of an event's record, in milliseconds since 1970: brokers refuse one that lies in the future."""
    return max(0, min(event.timestamp_ms(), int(time.time() * 1000)))
