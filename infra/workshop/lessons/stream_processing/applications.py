"""Applications of Quix Streams with the settings of this stack, which stop at the end of their topics."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, TopicPartition

from workshop.base.errors import WorkshopError
from workshop.base.waiting import wait_until
from workshop.kafka import name_prefix
from workshop.kafka.handle import Kafka
from workshop.stack.external.ownership import HERE

if TYPE_CHECKING:
    from quixstreams import Application

# librdkafka's default is 45 s: so long would a group wait for an instance that was killed.
CONSUMER = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 1_000}
COMMIT_OFTEN = {"commit_interval": 0.5, "consumer_poll_timeout": 0.2}  # seconds


class UntilTheEnd:
    """Stop an application when it has read what its topics contained when it was made.

    Attributes:
        application: the application to stop.
        remaining: topic and partition to the offset of the last record; read partitions are removed.
    """

    def __init__(self, remaining: Mapping[tuple[str, int], int]) -> None:
        self.application: Application | None = None
        self.remaining = dict(remaining)

    def __call__(self, topic: str, partition: int, offset: int) -> None:
        """Note a processed record; Quix Streams calls this after each one."""
        place = topic, partition
        if offset >= self.remaining.get(place, offset + 1):
            del self.remaining[place]
        if not self.remaining and self.application is not None:
            self.application.stop()


def settings(ws: Kafka, group: str, state: Path | None = None) -> dict[str, Any]:
    """Return the settings of `quixstreams.Application` for this stack.

    Args:
        group: the consumer group, which also names the changelog topics.
        state: the folder of the local state; by default a new temporary one.

    Raises:
        WorkshopError: the topics of this participant have a prefix.
    """
    _refuse_prefix()
    address = connection(ws.confluent())
    return {
        "broker_address": address,
        "topic_manager": topic_manager(address, group),
        "consumer_group": group,
        "auto_offset_reset": "earliest",
        "state_dir": str(state or tempfile.mkdtemp(dir=_scratch().name)),
        "consumer_extra_config": dict(CONSUMER),
        "loglevel": None,  # the log belongs into a file, not into a cell
    }


def _refuse_prefix() -> None:
    if name_prefix.full("topic") != "topic":
        raise WorkshopError(
            "Stream processing is not available with an existing Kafka: Quix Streams names its changelog topics "
            "`changelog__…`, without your prefix.",
            HERE,
        )


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Return the folder of the temporary states; it is deleted when the kernel ends."""
    return tempfile.TemporaryDirectory(prefix="workshop-streams-", ignore_cleanup_errors=True)


def connection(confluent: Mapping[str, Any]) -> Any:
    """Return settings of confluent-kafka as those of Quix Streams."""
    from quixstreams.kafka.configuration import ConnectionConfig

    return ConnectionConfig(**{name.replace(".", "_"): value for name, value in confluent.items()})


def topic_manager(address: Any, group: str) -> Any:
    """Return a manager of topics that waits until the brokers can describe a topic that was just created.

    A broker that has not applied the creation yet answers UNKNOWN_TOPIC_OR_PART, and Quix Streams fails: one of two instances
    that start at the same time ended so.
    """
    from confluent_kafka import KafkaError, KafkaException
    from quixstreams.models.topics import TopicAdmin, TopicManager

    admin = TopicAdmin(broker_address=address)
    describe = admin.inspect_topics

    def patiently(names: list[str], timeout: float = 30) -> dict:
        def described() -> dict | None:
            try:
                return dict(describe(names, timeout=timeout))
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
                return None

        return wait_until(described, timeout, f"the brokers to describe {', '.join(names)}", every=0.2)

    admin.inspect_topics = patiently
    return TopicManager(topic_admin=admin, consumer_group=group)


def application(ws: Kafka, group: str, *topics: str, state: Path | None = None, **options: Any) -> Application:
    """Return an application that stops at the present end of these topics.

    Args:
        topics: the topics that it reads.
        state: as for `settings`.
        options: more settings of `quixstreams.Application`.
    """
    from quixstreams import Application

    until = UntilTheEnd(last_offsets(ws, group, topics))
    made = Application(**{**settings(ws, group, state), "on_message_processed": until, **options})
    until.application = made
    return made


def endless(ws: Kafka, group: str, **options: Any) -> Application:
    """Return an application whose `run` ends when `stop` is called; it commits often, so that its progress can be seen.

    Args:
        options: more settings of `quixstreams.Application`.
    """
    from quixstreams import Application

    return Application(**{**settings(ws, group), **COMMIT_OFTEN, **options})


def last_offsets(ws: Kafka, group: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """Return topic and partition to the offset of the last record, of partitions that the group has not read to their end."""
    with closing(KafkaConsumer(**ws.kafka, group_id=group, enable_auto_commit=False)) as consumer:
        found = {}
        for topic in topics:
            places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
            ends, begins = consumer.end_offsets(places), consumer.beginning_offsets(places)
            for place in places:
                if ends[place] > max(begins[place], consumer.committed(place) or 0):
                    found[topic, place.partition] = ends[place] - 1
    return found
