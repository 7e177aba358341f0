"""A member of a consumer group as a separate process, which can leave or be killed.

Usage: python -m workshop.lessons.partitions.group_member ADDRESSES TOPIC GROUP OPTIONS
It prints a line of JSON whenever its partitions change, and a last one when it has left the group. OPTIONS is a JSON object:
options of kafka-python's `KafkaConsumer` with assignors by their class names, or options of confluent-kafka's `Consumer`,
whose names contain dots.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException
from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.errors import KafkaError

from workshop.base import incidents
from workshop.kafka import name_prefix
from workshop.kafka.access import KafkaSettings, for_confluent, prepare_program

ASSIGNORS = {
    one.__name__: one
    for one in (CooperativeStickyAssignor, RangePartitionAssignor, RoundRobinPartitionAssignor, StickyPartitionAssignor)
}
STRATEGY = "partition_assignment_strategy"
OF_MEMBERS: dict[str, Any] = {"auto_offset_reset": "earliest"}


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


def tell(partitions: set[int], *, left: bool = False) -> None:
    """Print a line of JSON: time, partitions, and whether the member has left its group."""
    print(json.dumps({"at": time.time(), "partitions": sorted(partitions), "left": left}), flush=True)


def as_json(options: Mapping[str, Any]) -> str:
    """Return the options of a member as JSON, with the class names of assignors."""
    named = {key: [one.__name__ for one in value] if key == STRATEGY else value for key, value in options.items()}
    return json.dumps(named)


def from_json(text: str) -> dict[str, Any]:
    """Return the options of a member, with the classes of assignors."""
    options = json.loads(text)
    return {key: [ASSIGNORS[one] for one in value] if key == STRATEGY else value for key, value in options.items()}


def main() -> None:
    """Poll until SIGTERM."""
    addresses, topic, group, text = sys.argv[1:]
    options, kafka = from_json(text), prepare_program(addresses)
    leaving: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: leaving.append(number))
    belong = _belong_by_the_broker if any("." in name for name in options) else _belong
    try:
        belong(kafka, topic, group, options, lambda: bool(leaving))
    except (KafkaError, KafkaException) as error:
        sys.exit(f"The member of {group} ended: {incidents.brief(error)}.")
    tell(set(), left=True)


def _belong(kafka: KafkaSettings, topic: str, group: str, options: dict[str, Any], leaving: Callable[[], bool]) -> None:
    """Read as a member of a classic group (kafka-python) until `leaving`."""
    consumer = KafkaConsumer(**kafka, group_id=group, **{**OF_MEMBERS, **options})
    consumer.subscribe([topic], listener=Teller(consumer))
    while not leaving():
        consumer.poll(timeout_ms=100)
    consumer.close()


def _belong_by_the_broker(
    kafka: KafkaSettings, topic: str, group: str, options: dict[str, Any], leaving: Callable[[], bool]
) -> None:
    """Read as a member of a group of the new protocol (confluent-kafka) until `leaving`."""
    held: set[int] = set()

    def changed(consumer: Consumer, places: list, *, gained: bool) -> None:
        held.symmetric_difference_update({place.partition for place in places})
        (consumer.incremental_assign if gained else consumer.incremental_unassign)(places)
        tell(held)

    names = {"group.id": name_prefix.full(group), "auto.offset.reset": "earliest", "log_level": 2}
    consumer = Consumer({**for_confluent(kafka), **names, **options})
    consumer.subscribe(
        [name_prefix.full(topic)],
        on_assign=lambda consumer, places: changed(consumer, places, gained=True),
        on_revoke=lambda consumer, places: changed(consumer, places, gained=False),
    )
    while not leaving():
        consumer.poll(0.1)
    consumer.close()


if __name__ == "__main__":
    main()
