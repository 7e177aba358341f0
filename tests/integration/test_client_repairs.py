"""The repaired kafka-python on real brokers: an expired event, polls without a pause, a changed leader."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, RequestTimedOutError
from kafka.net.compat import KafkaNetClient
from workshop.base.waiting import wait_until
from workshop.kafka import consume
from workshop.kafka.replicas import followers_of, leader_of, partitions
from workshop.notebook.connection import Connection

HASTY = {"acks": "all", "request_timeout_ms": 500, "delivery_timeout_ms": 1_200}


def test_a_producer_lives_on_after_it_gave_up_an_event_that_it_had_tried_twice(ws: Connection):
    topic = ws.fresh_topic("given-up", partitions=1)
    producer = KafkaProducer(**ws.kafka, **HASTY)
    with ws.brokers.restored_afterwards():
        _send_until_accepted(producer, topic, b"before")
        for node in followers_of(ws, topic):
            ws.brokers.pause(node)
        waits = producer.send(topic, b"during")
        with pytest.raises((KafkaTimeoutError, RequestTimedOutError)) as given_up:
            waits.get(timeout=30)
        assert _was_decided(given_up.value)
        ws.brokers.restore()
        _send_until_accepted(producer, topic, b"after")
    producer.close(timeout=30)
    values = [record.value for record in consume.read_all(ws, topic)]
    assert values[0] == b"before"
    assert b"after" in values


def test_a_producer_that_misses_an_answer_can_be_closed_without_a_time_limit(
    ws: Connection, monkeypatch: pytest.MonkeyPatch
):
    producer = KafkaProducer(**ws.kafka, **HASTY)
    _send_until_accepted(producer, ws.fresh_topic("closed", partitions=1), b"acknowledged")
    sender = producer._sender
    monkeypatch.setattr(sender._client, "in_flight_request_count", lambda *_: 1)  # an answer that never comes
    closing_thread = threading.Thread(target=producer.close, daemon=True)
    closing_thread.start()
    closing_thread.join(60)  # the producer waits for 1.7 s
    assert not closing_thread.is_alive()
    sender.join(60)
    assert not sender.is_alive()


def test_a_consumer_whose_polls_are_shorter_than_a_rebalance_joins_its_group_again(ws: Connection):
    topic, group = ws.fresh_topic("growing", partitions=1), f"impatient-{uuid.uuid4().hex[:6]}"
    options = {"group_id": group, "metadata_max_age_ms": 200}
    with closing(KafkaConsumer(topic, **ws.kafka, **options)) as consumer, closing(ws.admin()) as admin:
        for partitions in range(2, 12):  # a change of the topic causes a rebalance
            admin.create_partitions({topic: partitions})
            assert _polled_until_it_holds(consumer, partitions), f"{partitions} partitions"


def test_a_consumer_that_knows_the_old_leader_finds_the_new_one(ws: Connection):
    topic = ws.fresh_topic("moved", partitions=1)
    place = TopicPartition(topic, 0)
    with closing(KafkaConsumer(**ws.kafka, request_timeout_ms=10_000)) as consumer, ws.brokers.restored_afterwards():
        assert consumer.end_offsets([place]) == {place: 0}
        old = leader_of(ws, topic)
        ws.brokers.pause(old)
        wait_until(lambda: leader_of(ws, topic) not in (old, -1), 60, "another leader")
        ws.brokers.resume(old)
        wait_until(lambda: old in partitions(ws, topic)[0]["isr_nodes"], 60, "the old leader to follow")
        assert consumer.end_offsets([place]) == {place: 0}


def test_a_producer_whose_leader_is_not_in_its_list_of_brokers_asks_for_a_newer_one(ws: Connection):
    topic = ws.fresh_topic("unlisted", partitions=1)
    with _closed_in_time(KafkaProducer(**ws.kafka, **HASTY)) as producer:
        _send_until_accepted(producer, topic, b"listed")
        client, leader = producer._sender._client, leader_of(ws, topic)
        client._manager._net.call_soon_threadsafe(lambda: _unlist(client, leader))
        _send_until_accepted(producer, topic, b"unlisted")


def test_a_consumer_whose_leader_is_not_in_its_list_of_brokers_asks_for_a_newer_one(ws: Connection):
    topic = ws.fresh_topic("unlisted", partitions=1)
    leader = leader_of(ws, topic)
    with closing(KafkaProducer(**ws.kafka)) as producer, closing(KafkaConsumer(**ws.kafka)) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek_to_beginning()
        assert consumer.poll(timeout_ms=100) == {}
        consumer._manager._net.run(_unlist, consumer._client, leader)
        producer.send(topic, b"unlisted").get(timeout=30)
        found = wait_until(lambda: consumer.poll(timeout_ms=100), 30, "the event")
    assert [record.value for records in found.values() for record in records] == [b"unlisted"]


@contextmanager
def _closed_in_time(producer: KafkaProducer) -> Iterator[KafkaProducer]:
    """Close a producer with a limit: without the repair its sender never finishes, and the test is to fail, not to hang."""
    try:
        yield producer
    finally:
        producer.close(timeout=10)


def _unlist(client: KafkaNetClient, leader: int) -> None:
    """Put the client in the state after metadata with a partition's leader but without its broker."""
    del client.cluster._brokers[leader]
    client._manager.close(leader)


def _polled_until_it_holds(consumer: KafkaConsumer, count: int) -> bool:
    """Poll without a pause, also during a rebalance; return whether the partitions were assigned."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(consumer.assignment()) < count:
        consumer.poll(timeout_ms=2)
    return len(consumer.assignment()) == count


def _was_decided(error: KafkaError) -> bool:
    """Return whether the producer gave up the event: it expired, or its last request failed.

    The other possibility is a timeout of `get`.
    """
    return not isinstance(error, KafkaTimeoutError) or "Expiring" in str(error)


def _send_until_accepted(producer: KafkaProducer, topic: str, value: bytes) -> None:
    """Send until a write is acknowledged.

    A producer with short timeouts can fail again while leaders move.
    """
    for attempt in range(30):
        try:
            producer.send(topic, value).get(timeout=10)
            return
        except KafkaError as error:
            if not _was_decided(error):
                raise AssertionError(f"nothing was decided in 10 seconds, at attempt {attempt}") from error
    raise AssertionError("the producer never came back")
