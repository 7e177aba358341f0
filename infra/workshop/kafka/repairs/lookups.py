"""Repairs of kafka-python's look-ups of leaders and offsets: none depends on one silent broker.

kafka-python 3.0.12 sends a look-up to one broker and gives it the whole time. A frozen or busy broker uses up all of it: for
the first connection of a client, for the metadata that everything else waits for, or as a leader that was replaced long ago.
Here each attempt has a third of that time; then another broker is asked, and the metadata are refreshed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from kafka import KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors
from kafka.cluster import ClusterMetadata
from kafka.consumer.fetcher import Fetcher
from kafka.errors import KafkaTimeoutError, StaleMetadata, UnknownBrokerIdError
from kafka.future import Future
from kafka.net.connection import KafkaConnection
from kafka.net.manager import KafkaConnectionManager

from workshop.kafka.failures import ADVICE, Unanswered
from workshop.kafka.repairs.missing_topics import must_exist
from workshop.kafka.repairs.unlisted_brokers import get_connection_or_refresh
from workshop.kafka.requests import LOST, in_all_ms, one_try_ms, setting

T = TypeVar("T")

SILENT_FOR = 15.0  # seconds for which a broker that did not answer is the last choice
QUESTIONS = {2, 3, 9, 10}  # ListOffsets, Metadata, OffsetFetch, FindCoordinator
_send = KafkaConnectionManager.send
_least_loaded_node = KafkaConnectionManager.least_loaded_node
_bootstrap_brokers = ClusterMetadata.bootstrap_brokers
_refresh = ClusterMetadata._do_refresh_metadata
_list_offsets = Fetcher._send_list_offsets_requests
_list_offsets_of_leader = Fetcher._send_list_offsets_request
_fetch_all_topic_metadata = KafkaConsumer._fetch_all_topic_metadata
_beginning_offsets = KafkaConsumer.beginning_offsets
_end_offsets = KafkaConsumer.end_offsets
_offsets_for_times = KafkaConsumer.offsets_for_times
_position = KafkaConsumer.position
_committed = KafkaConsumer.committed


def apply() -> None:
    """Install the repairs in this process. Calling it again has no effect."""
    KafkaConnectionManager.send = _answer_within_a_try
    KafkaConnectionManager.get_connection = _connection_within_a_try  # type: ignore[assignment]  # all callers name the rest
    KafkaConnectionManager.least_loaded_node = _rather_one_that_answers
    ClusterMetadata.bootstrap_brokers = _least_often_failed
    ClusterMetadata._do_refresh_metadata = _refresh_within_a_try
    Fetcher._send_list_offsets_requests = _list_offsets_or_learn_who_leads
    Fetcher._send_list_offsets_request = _list_offsets_within_a_try
    KafkaConsumer._fetch_all_topic_metadata = _all_topics_within_bounds
    KafkaConsumer.beginning_offsets = _beginning_offsets_within_bounds
    KafkaConsumer.end_offsets = _end_offsets_within_bounds
    KafkaConsumer.offsets_for_times = _offsets_for_times_within_bounds
    KafkaConsumer.position = _position_within_bounds
    KafkaConsumer.committed = _committed_within_bounds


def _try_seconds(manager: KafkaConnectionManager) -> float:
    return one_try_ms(setting(manager.config, "request_timeout_ms")) / 1000


def _answer_within_a_try(
    manager: KafkaConnectionManager,
    request: Any,
    node_id: object = None,
    request_timeout_ms: float | None = None,
) -> Future:
    """Limit the wait for the answer to a look-up to one attempt; the caller retries at another broker."""
    if request_timeout_ms is None and request.API_KEY in QUESTIONS:
        request_timeout_ms = _try_seconds(manager) * 1000
    return _send(manager, request, node_id=node_id, request_timeout_ms=request_timeout_ms)


def _connection_within_a_try(
    manager: KafkaConnectionManager, node_id: object, timeout_ms: float | None = None, **options: object
) -> KafkaConnection:
    """Limit a client's connection attempt, so that another broker is tried, and record silent brokers.

    kafka-python 3.0.12 gives the first broker, chosen at random, the whole `bootstrap_timeout_ms`.
    """
    if timeout_ms is not None:
        timeout_ms = min(timeout_ms, _try_seconds(manager) * 1000)
    known = manager._conns.get(node_id)
    connection = get_connection_or_refresh(manager, node_id, timeout_ms=timeout_ms, **options)
    if connection is not known:
        connection.close_future.add_errback(lambda error: _note_silence(manager, node_id, error))
    return connection


def _note_silence(manager: KafkaConnectionManager, node_id: object, error: BaseException) -> None:
    if isinstance(error, (kafka_errors.RequestTimedOutError, KafkaTimeoutError)):
        manager.__dict__.setdefault("_silent_until", {})[node_id] = time.monotonic() + SILENT_FOR


def _silent(manager: KafkaConnectionManager) -> set:
    now = time.monotonic()
    return {node for node, until in dict(manager.__dict__.get("_silent_until", {})).items() if until > now}


def _rather_one_that_answers(manager: KafkaConnectionManager) -> object:
    """Choose a broker for a request that any broker can answer; silent brokers are the last choice.

    kafka-python 3.0.12 chooses at random among brokers without a pending request, so it returns to a frozen broker.
    """
    silent = _silent(manager)
    if not silent:
        return _least_loaded_node(manager)
    others = [b.node_id for b in manager.cluster.brokers() if b.node_id not in silent]
    ready = [node for node in others if not manager.connection_delay(node) and not _is_paused(manager, node)]
    if not ready:
        return _least_loaded_node(manager)
    random.shuffle(ready)
    return min(ready, key=lambda node: _under_way(manager, node))


def _is_paused(manager: KafkaConnectionManager, node_id: object) -> bool:
    return node_id in manager._conns and bool(manager._conns[node_id].paused)


def _under_way(manager: KafkaConnectionManager, node_id: object) -> int:
    connection = manager._conns.get(node_id)
    return len(connection.in_flight_requests) if connection else 0


def _least_often_failed(cluster: ClusterMetadata) -> list:
    """Return the addresses with the fewest failures, so that a client does not retry a failed one."""
    brokers = _bootstrap_brokers(cluster)
    if cluster._manager is None:
        return brokers
    failures = {broker.node_id: cluster._manager._backoff.get(broker.node_id, (0,))[0] for broker in brokers}
    return [broker for broker in brokers if failures[broker.node_id] == min(failures.values())]


async def _refresh_within_a_try(cluster: ClusterMetadata, node_id: object) -> None:
    """Limit a refresh of the metadata to one attempt, so that the next one asks another broker.

    Everything else in a client waits for the metadata.
    """
    manager = cast(KafkaConnectionManager, cluster._manager)
    node_id = manager.least_loaded_node() if node_id is None else node_id
    await _within_a_try(manager, node_id, manager.call_soon(_refresh, cluster, node_id))


async def _list_offsets_within_a_try(fetcher: Fetcher, node_id: object, timestamps: dict) -> tuple[dict, set]:
    """Give the known leader a third of the time; it may be frozen, with a new leader already elected."""
    manager = fetcher._manager
    answer = manager.call_soon(_list_offsets_of_leader, fetcher, node_id, timestamps)
    try:
        return await _within_a_try(manager, node_id, answer)
    except (KafkaTimeoutError, UnknownBrokerIdError) as error:
        raise StaleMetadata(str(error)) from error  # so that metadata are refreshed before the next attempt


async def _within_a_try(manager: KafkaConnectionManager, node_id: object, answer: Future) -> Any:
    """Wait for an answer; if a broker does not give it in time, close the connection to that broker."""
    try:
        return await manager.wait_for(answer, _try_seconds(manager) * 1000)
    except KafkaTimeoutError:
        if not answer.is_done and node_id in manager._conns:
            manager._conns[node_id].close(kafka_errors.RequestTimedOutError(f"Broker {node_id} did not answer."))
        raise


async def _list_offsets_or_learn_who_leads(fetcher: Fetcher, timestamps: dict) -> tuple[dict, set]:
    """Look up offsets; after a change of leader refresh the metadata, and report a missing topic.

    If the leader has just changed, kafka-python 3.0.12 asks the old one repeatedly, without a pause and without new metadata,
    until `request_timeout_ms` is over: a consumer that was created at the wrong moment fails after half a minute. Of several
    partitions, it drops those without a leader, and raises a KeyError.

    Raises:
        NoSuchTopic: the topic of a partition does not exist.
    """
    cluster = fetcher._manager.cluster
    leaderless = {place for place in timestamps if cluster.leader_for_partition(place) in (None, -1)}
    try:
        found, again = await _list_offsets(fetcher, timestamps)
    except StaleMetadata:
        found, again = {}, set(timestamps)
    again |= leaderless
    if again:
        await _new_metadata(fetcher)
        unknown = {place.topic for place in again if cluster.partitions_for_topic(place.topic) is None}
        for topic in sorted(unknown):
            await must_exist(fetcher._manager, topic)
        if not (leaderless and not unknown):  # the first look-up of an existing topic needs no pause
            await fetcher._manager._net.sleep(setting(fetcher.config, "retry_backoff_ms") / 1000)
    return found, again


async def _new_metadata(fetcher: Fetcher) -> None:
    try:
        update = fetcher._manager.cluster.request_update()
        await fetcher._manager.wait_for(update, one_try_ms(setting(fetcher.config, "request_timeout_ms")))
    except (*LOST, kafka_errors.InvalidMetadataError):
        pass  # the next attempt asks again


def _all_topics_within_bounds(consumer: KafkaConsumer) -> None:
    """Request all topics until a broker answers; kafka-python 3.0.12 asks once, without a time limit."""

    def asked(left_ms: float) -> bool:
        consumer._cluster.need_all_topic_metadata = True
        consumer._net.run(consumer._manager.wait_for, consumer._cluster.request_update(), left_ms)
        return True

    stash = consumer._cluster.need_all_topic_metadata
    try:
        if consumer._cluster.metadata_refresh_in_progress:  # of some topics only
            _within_bounds(consumer, None, "the list of topics", lambda left: _finished(consumer, left))
        _within_bounds(consumer, None, "the list of topics", asked)
    finally:
        consumer._cluster.need_all_topic_metadata = stash


def _finished(consumer: KafkaConsumer, left_ms: float) -> bool:
    consumer._net.run(consumer._manager.wait_for, consumer._cluster.request_update(), left_ms)
    return True


def _beginning_offsets_within_bounds(
    consumer: KafkaConsumer, partitions: Iterable[TopicPartition], timeout_ms: float | None = None
) -> dict:
    places = list(partitions)
    where = f"the first offset of {_said(places)}"
    return _within_bounds(consumer, timeout_ms, where, lambda left: _beginning_offsets(consumer, places, left))


def _end_offsets_within_bounds(
    consumer: KafkaConsumer, partitions: Iterable[TopicPartition], timeout_ms: float | None = None
) -> dict:
    places = list(partitions)
    where = f"the end offset of {_said(places)}"
    return _within_bounds(consumer, timeout_ms, where, lambda left: _end_offsets(consumer, places, left))


def _offsets_for_times_within_bounds(
    consumer: KafkaConsumer, timestamps: dict[TopicPartition, int], timeout_ms: float | None = None
) -> dict:
    where = f"the offsets of {_said(timestamps)} for the given times"
    return _within_bounds(consumer, timeout_ms, where, lambda left: _offsets_for_times(consumer, timestamps, left))


def _position_within_bounds(
    consumer: KafkaConsumer, partition: TopicPartition, timeout_ms: float | None = None
) -> int | None:
    """Return the position; kafka-python 3.0.12 may return None, or wait for a coordinator without limit."""
    if timeout_ms is not None:
        return _position(consumer, partition, timeout_ms)
    where = f"the read position in {_said([partition])}"
    return _within_bounds(consumer, None, where, lambda left: _position(consumer, partition, left))


def _committed_within_bounds(
    consumer: KafkaConsumer, partition: TopicPartition, metadata: bool = False, timeout_ms: float | None = None
) -> object:
    """Return the committed offset of the group; kafka-python 3.0.12 waits for a coordinator without limit."""
    where = f"the committed offset of group {consumer.config['group_id']} in {_said([partition])}"
    found = _within_bounds(
        consumer, timeout_ms, where, lambda left: (_committed(consumer, partition, metadata, timeout_ms=left),)
    )
    return found[0]


def _within_bounds(
    consumer: KafkaConsumer, timeout_ms: float | None, what: str, look_up: Callable[[float], T | None]
) -> T:
    """Repeat a look-up until its result is not None.

    Args:
        timeout_ms: the caller's limit; None means twice `request_timeout_ms`.
        what: the wanted value, for the error.
        look_up: makes one attempt, within the given milliseconds.

    Raises:
        Unanswered: there was no result in time.
    """
    within = in_all_ms(setting(consumer.config, "request_timeout_ms")) if timeout_ms is None else timeout_ms
    deadline, last = time.monotonic() + within / 1000, ""
    while True:
        left = max(0, deadline - time.monotonic()) * 1000
        try:
            found = look_up(left)
            if found is not None:
                return found
        except LOST as error:
            last = str(error)
        if time.monotonic() >= deadline:
            raise Unanswered(f"Kafka did not answer within {within / 1000:g} s: {what}.", ADVICE, last)
        time.sleep(setting(consumer.config, "retry_backoff_ms") / 1000)


def _said(places: Iterable[TopicPartition]) -> str:
    """Return the names of partitions for a message."""
    numbers: dict[str, list[int]] = {}
    for place in places:
        numbers.setdefault(place.topic, []).append(place.partition)
    return " and ".join(
        f"topic '{topic}' (partition {', '.join(map(str, sorted(some)))})" for topic, some in numbers.items()
    )
