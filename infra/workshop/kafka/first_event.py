"""First event of a start: the story's topics are created, and one event is written and read back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import closing

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    AuthorizationError,
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    PolicyViolationError,
    SaslAuthenticationFailedError,
    UnsupportedVersionError,
)

from workshop.base.errors import WorkshopError
from workshop.base.waiting import Seen, nobody, over, wait_while_progressing
from workshop.kafka import topics
from workshop.kafka.closing import closing_soon
from workshop.kafka.probe import registered_brokers

TOPIC = topics.Topic("workshop-check", partitions=1, configs={"retention.ms": "3600000"})
ANSWER = 20  # seconds to wait for an answer, per attempt
# Errors that retries cannot resolve.
FINAL = (
    AuthorizationError,
    InvalidTopicError,
    PolicyViolationError,
    SaslAuthenticationFailedError,
    UnsupportedVersionError,
)
NEXT_STEP = "Run `workshop doctor`."


def write_and_read(kafka: Mapping, patience: float, tell: Callable[[str], None] = nobody) -> None:
    """Create the story's topics, publish one event and read it back.

    Brokers that have just started elect leaders and catch up, so a failed attempt is repeated while there is progress.

    Args:
        patience: seconds that may pass without progress.
        tell: called with a text about the wait.

    Raises:
        WorkshopError: Kafka refuses the event, or takes too long.
    """
    said = [""]

    def look() -> Seen[bool]:
        try:
            topics.create(kafka, (*topics.STORY, TOPIC))
            read = _attempt(kafka)
        except FINAL as error:
            raise WorkshopError(
                f"Kafka runs but refused the first event: {error}".rstrip(".") + ".", NEXT_STEP
            ) from error
        except (KafkaError, WorkshopError) as error:
            said[0] = str(error)
            registered = ", ".join(map(str, sorted(registered_brokers(kafka)))) or "none"
            return Seen(f"Kafka to accept the first event ({type(error).__name__}; registered brokers: {registered})")
        if not read:
            raise WorkshopError("The event that was read back differs from the one that was written.", NEXT_STEP)
        return over(True)

    wait_while_progressing(look, patience, every=0.5, tell=tell, next_step=NEXT_STEP, detail=lambda: said[0])


def _attempt(kafka: Mapping) -> bool:
    """Write an event, and return whether the record at its offset is the same.

    Raises:
        KafkaError: writing or reading failed, or took too long.
    """
    content = uuid.uuid4().bytes
    with closing_soon(KafkaProducer(**kafka, acks="all", max_block_ms=ANSWER * 1000)) as producer:
        written = producer.send(TOPIC.name, value=content).get(timeout=ANSWER)
    with closing(KafkaConsumer(**kafka, consumer_timeout_ms=ANSWER * 1000)) as consumer:
        partition = TopicPartition(TOPIC.name, written.partition)
        consumer.assign([partition])
        consumer.seek(partition, written.offset)
        read = next(iter(consumer), None)
    if read is None:
        raise KafkaTimeoutError(f"The event was written but could not be read back within {ANSWER} s.")
    return read.value == content
