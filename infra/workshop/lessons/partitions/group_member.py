"""A member of a consumer group as a separate process, which can leave or be killed.

Usage: python -m workshop.lessons.partitions.group_member ADDRESSES TOPIC GROUP
It prints a line of JSON whenever its partitions change.
"""

from __future__ import annotations

import json
import signal
import sys
import time

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError

from workshop.base import incidents
from workshop.kafka.access import prepare_program

SESSION_MS = 6_000  # the minimum that brokers allow by default


class Teller(ConsumerRebalanceListener):
    """Listener that prints the partitions of the member whenever they change."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self.consumer = consumer

    def on_partitions_revoked(self, revoked: list) -> None:
        """Print the remaining partitions; a cooperative rebalance does not interrupt them."""
        gone = {place.partition for place in revoked}
        tell({place.partition for place in self.consumer.assignment()} - gone)

    def on_partitions_assigned(self, assigned: list) -> None:
        """Print the partitions, with the new ones."""
        tell({place.partition for place in self.consumer.assignment()} | {place.partition for place in assigned})


def tell(partitions: set[int]) -> None:
    """Print a line of JSON: time and partitions."""
    print(json.dumps({"at": time.time(), "partitions": sorted(partitions)}), flush=True)


def main() -> None:
    """Poll until SIGTERM."""
    addresses, topic, group = sys.argv[1:]
    leaving: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: leaving.append(number))
    try:
        belong(topic, addresses, group, leaving)
    except KafkaError as error:
        sys.exit(f"The member of {group} ended: {incidents.brief(error)}.")
    tell(set())


def belong(topic: str, addresses: str, group: str, leaving: list[int]) -> None:
    """Read as a member of the group until `leaving` is not empty."""
    consumer = KafkaConsumer(
        **prepare_program(addresses),
        group_id=group,
        auto_offset_reset="earliest",
        partition_assignment_strategy=[CooperativeStickyAssignor],
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=500,
    )
    consumer.subscribe([topic], listener=Teller(consumer))
    while not leaving:
        consumer.poll(timeout_ms=100)
    consumer.close()


if __name__ == "__main__":
    main()
