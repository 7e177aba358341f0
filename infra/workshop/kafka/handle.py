"""Handle of a running Kafka: client settings, an admin client, and topics for lessons."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from kafka import KafkaAdminClient

from workshop.kafka import access, admin, name_prefix, topics


@dataclass(frozen=True, repr=False)
class Kafka:
    """A running Kafka.

    Attributes:
        kafka: the settings that every Kafka client needs to find the brokers: `KafkaProducer(**ws.kafka)`.
    """

    kafka: dict
    _fresh: list[str] = field(default_factory=list, kw_only=True)

    def addresses(self) -> list[str]:
        """Return the addresses of the brokers, each `host:port`."""
        return list(self.kafka["bootstrap_servers"])

    def admin(self) -> KafkaAdminClient:
        """Return a new admin client; close it, or use `with contextlib.closing(...)`."""
        return admin.admin(self.kafka)

    def full_name(self, name: str) -> str:
        """Return the name of a topic or group with the prefix, for clients that do not add it.

        Such clients are Kafka's own tools and Java clients.
        """
        return name_prefix.full(name)

    def confluent(self, **options: object) -> dict:
        """Return the settings of confluent-kafka's clients, which need full names.

        Args:
            options: more settings, with `_` for the dots of their names.
        """
        dotted = {name.replace("_", "."): value for name, value in options.items()}
        return {**access.for_confluent(self.kafka), **dotted}

    def fresh_topic(self, name: str, partitions: int = 3, copies: int = 3, **configs: str) -> str:
        """Create a topic with a unique name that begins with `name`, and return its name.

        Args:
            configs: topic settings, with `_` for the dots of their names: `retention_ms="-1"`.
        """
        fresh = self.fresh_name(name)
        dotted = {key.replace("_", "."): value for key, value in configs.items()}
        topics.create(self.kafka, [topics.Topic(fresh, partitions, copies, {**topics.FOR_EVER, **dotted})])
        return fresh

    def fresh_name(self, name: str) -> str:
        """Return a unique name that begins with `name`, for a topic that the lesson creates and `tidy` deletes."""
        fresh = f"{name}-{uuid.uuid4().hex[:6]}"
        self._fresh.append(fresh)
        return fresh

    def tidy(self) -> str:
        """Delete the topics with fresh names, which keeps brokers small; return a message."""
        ours, gone = set(self._fresh), []
        if ours:
            gone = admin.delete_topics(self.kafka, lambda name: name.removesuffix(topics.DEAD_LETTERS) in ours)
        self._fresh.clear()
        are_deleted = "topic of this lesson is deleted" if len(gone) == 1 else "topics of this lesson are deleted"
        return f"{len(gone)} {are_deleted}"
