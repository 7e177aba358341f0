"""Repair for kafka-python: a missing topic is reported at once, by its name, and an existing one is not taken for missing.

kafka-python 3.0.12 keeps requesting such a topic: a producer for a minute, a consumer forever, and neither names it. The
brokers do not create topics automatically (`auto.create.topics.enable=false`), so waiting helps only if the topic was just
created and the broker does not have its metadata yet. That is why the controller is asked before an error is raised, and
before `partitions_for_topic` returns no partitions.
"""

from __future__ import annotations

import threading
import time
from typing import cast

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import InvalidTopicError, KafkaTimeoutError, UnknownTopicOrPartitionError, for_code
from kafka.net.manager import KafkaConnectionManager
from kafka.protocol.metadata import MetadataRequest
from kafka.util import Timer

from workshop.kafka.failures import ADVICE, NoSuchTopic, Unanswered
from workshop.kafka.requests import LOST, existence_request, existing, in_all_ms, one_try_ms, setting

AGAIN = 0.1  # seconds until a broker that lags is asked again
LOOK_AFTER = 1.0  # seconds without metadata of a topic after which its existence is checked
_wait_on_metadata = KafkaProducer._wait_on_metadata
_poll_once = KafkaConsumer._poll_once
_partitions_for_topic = KafkaConsumer.partitions_for_topic


def apply() -> None:
    """Install the repair of producers and consumers in this process. Calling it again has no effect."""
    KafkaProducer._wait_on_metadata = _wait_on_metadata_of_what_exists
    KafkaConsumer._poll_once = _poll_what_exists  # type: ignore[assignment]  # it passes all arguments on
    KafkaConsumer.partitions_for_topic = _partitions_of_what_exists


async def must_exist(manager: KafkaConnectionManager, topic: str) -> None:
    """Raise an error if a topic does not exist; return if it exists, or if no broker answers.

    Raises:
        NoSuchTopic: the controller does not have the topic; if this client may not ask the controller, no broker has it.
    """
    exists = await _known_to_controller(manager, topic)
    if exists is None:
        exists = await _known_to_a_broker(manager, topic)
    if exists is False:
        raise NoSuchTopic(topic)


async def _known_to_controller(manager: KafkaConnectionManager, topic: str) -> bool | None:
    try:
        answer = await manager.send(existence_request([topic]), request_timeout_ms=_try_ms(manager))
    except LOST:
        return None
    return existing(answer).get(topic)


async def _known_to_a_broker(manager: KafkaConnectionManager, topic: str) -> bool | None:
    """Return whether any broker has the topic; one that has just started may lack its metadata."""
    answers = []
    for broker in manager.cluster.brokers():
        named = MetadataRequest.MetadataRequestTopic(name=topic)
        request = MetadataRequest(topics=[named], allow_auto_topic_creation=False)
        try:
            answer = await manager.send(request, node_id=broker.node_id, request_timeout_ms=_try_ms(manager))
        except LOST:
            continue
        answers.append(for_code(answer.topics[0].error_code) not in (UnknownTopicOrPartitionError, InvalidTopicError))
    return any(answers) if answers else None


def _try_ms(manager: KafkaConnectionManager) -> float:
    return one_try_ms(setting(manager.config, "request_timeout_ms"))


def _wait_on_metadata_of_what_exists(producer: KafkaProducer, topic: str, max_wait_ms: float) -> set:
    """Wait for a topic's partitions, and check every second whether the topic exists."""
    deadline = time.monotonic() + max_wait_ms / 1000
    while True:
        left = deadline - time.monotonic()
        try:
            return _wait_on_metadata(producer, topic, max(0.0, min(left, LOOK_AFTER)) * 1000)
        except KafkaTimeoutError as error:
            if left <= LOOK_AFTER:
                happened = f"Kafka did not report the partitions of topic '{topic}' within {max_wait_ms / 1000:g} s."
                raise Unanswered(happened, ADVICE) from error
        _ask_from_another_thread(producer, topic, deadline - time.monotonic())


def _ask_from_another_thread(producer: KafkaProducer, topic: str, seconds: float) -> None:
    """Check on the producer's own thread whether a topic exists."""
    told = threading.Event()
    manager = cast(KafkaConnectionManager, producer._metadata._manager)
    answer = manager.call_soon(must_exist, manager, topic)
    answer.add_both(lambda _: told.set())
    producer._sender.wakeup()
    if told.wait(max(0.0, seconds)) and isinstance(answer.exception, NoSuchTopic):
        raise answer.exception


def _poll_what_exists(consumer: KafkaConsumer, timer: Timer, *args: object, **options: object) -> dict:
    """Poll, and after a second without a topic's metadata check whether the topic exists."""
    missing = _missing(consumer)
    if not missing:
        consumer.__dict__["_missing_since"] = None
        return _poll_once(consumer, timer, *args, **options)
    if consumer.__dict__.get("_missing_since") is None:
        consumer.__dict__["_missing_since"] = time.monotonic()
    # One round may last as long as the caller's timeout: forever, in a loop over a consumer.
    records = _poll_once(consumer, Timer(min(timer.timeout_ms, LOOK_AFTER * 1000)), *args, **options)
    if not records and time.monotonic() - consumer.__dict__["_missing_since"] > LOOK_AFTER:
        consumer.__dict__["_missing_since"] = None
        consumer._cluster.request_update()
        for name in _missing(consumer):
            consumer._net.run(must_exist, consumer._manager, name)
    return records


def _partitions_of_what_exists(consumer: KafkaConsumer, topic: str) -> set:
    """Return a topic's partitions; while a broker does not know a topic that the controller has, ask again.

    A client that may not ask the controller gets the broker's answer.
    """
    limit_ms = in_all_ms(setting(consumer.config, "request_timeout_ms"))
    deadline = time.monotonic() + limit_ms / 1000
    while not (found := _partitions_for_topic(consumer, topic)):
        if not consumer._net.run(_known_to_controller, consumer._manager, topic):
            break
        if time.monotonic() >= deadline:
            raise Unanswered(
                f"Kafka did not report the partitions of topic '{topic}' within {limit_ms / 1000:g} s.", ADVICE
            )
        time.sleep(AGAIN)
    return found


def _missing(consumer: KafkaConsumer) -> list[str]:
    """Return the topics of a consumer for which it has no metadata."""
    names = set(consumer._subscription.subscription or ()) | {place.topic for place in consumer.assignment()}
    return sorted(name for name in names if consumer._cluster.partitions_for_topic(name) is None)
