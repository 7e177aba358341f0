"""Topics of the story, and the creation of topics."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from kafka import KafkaAdminClient
from kafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError

from workshop.base.waiting import wait_until
from workshop.kafka import admin as kafka_admin

ADVICE = "`workshop status` shows what runs; `workshop up` repairs it."
PATIENCE = 60.0  # seconds for which a lack of brokers is attributed to a busy machine


@dataclass(frozen=True)
class Topic:
    """A topic to create: its name, partitions, replicas per partition, and non-default settings."""

    name: str
    partitions: int = 3
    copies: int = 3
    configs: Mapping[str, str] = field(default_factory=dict)


# The story's payments have timestamps of 2018, which count for retention: without -1 they would be deleted at once.
FOR_EVER = {"retention.ms": "-1"}
DEAD_LETTERS = "-dead-letters"  # the suffix of the topic for another topic's dead letters
STORY = (
    Topic("payments", configs=FOR_EVER),
    Topic("debits", configs=FOR_EVER),
    Topic("balances", configs={"cleanup.policy": "compact"}),
    Topic("fraud-reports", partitions=1, configs=FOR_EVER),
    Topic("fraud-alerts", configs=FOR_EVER),
    Topic("payments" + DEAD_LETTERS, configs=FOR_EVER),
)
NAMES = {
    "PAYMENTS_TOPIC": "payments",
    "DEBITS_TOPIC": "debits",
    "BALANCES_TOPIC": "balances",
    "REPORTS_TOPIC": "fraud-reports",
    "ALERTS_TOPIC": "fraud-alerts",
    "DEAD_LETTERS_TOPIC": "payments" + DEAD_LETTERS,
}


def create(kafka: Mapping, topics: Iterable[Topic]) -> None:
    """Create topics and wait until each partition has a leader; existing topics are left unchanged.

    `KafkaSettings.copies` limits the number of replicas on a cluster with few brokers.
    """
    most = getattr(kafka, "copies", 0)
    # Not "create those that are missing in the list": a broker may list a topic for a moment after its deletion.
    with closing(kafka_admin.admin(kafka)) as admin:
        for topic in topics:
            _create(admin, topic, min(topic.copies, most or topic.copies))


def _create(admin: KafkaAdminClient, topic: Topic, copies: int) -> None:
    options = {
        "num_partitions": topic.partitions,
        "replication_factor": copies,
        "configs": dict(topic.configs),
    }

    def created() -> bool:
        try:
            admin.create_topics({topic.name: options})
        except TopicAlreadyExistsError:
            return True
        except InvalidReplicationFactorError:  # on a busy machine brokers lose their session for a moment
            return False
        return True

    wait_until(
        created,
        PATIENCE,
        f"{topic.copies} brokers to accept replicas of the topic {topic.name}",
        next_step=ADVICE,
        every=0.5,
    )
    led = functools.partial(_is_led, admin, topic.name)
    wait_until(led, PATIENCE, f"a leader for each partition of the topic {topic.name}", next_step=ADVICE, every=0.1)


def _is_led(admin: KafkaAdminClient, name: str) -> bool:
    """Return whether the metadata contain a new topic with a leader for each partition."""
    (found,) = admin.describe_topics([name])
    parts = found["partitions"]
    return bool(parts) and all(part["leader_id"] >= 0 and not part["error_code"] for part in parts)
