"""Transactions on real brokers: who reads after a commit, reads all of it, and does not wait for an open transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import Producer
from kafka import KafkaConsumer, TopicPartition
from workshop.kafka import transactions
from workshop.notebook.connection import Connection


@pytest.fixture
def places(ws: Connection) -> list[TopicPartition]:
    topic = ws.fresh_topic("transactions")
    return [TopicPartition(topic, number) for number in range(3)]


@pytest.fixture
def producer(ws: Connection) -> Iterator[Producer]:
    made = Producer({**ws.confluent(), "transactional.id": f"test-{uuid.uuid4().hex[:6]}"})
    made.init_transactions(60)
    yield made
    made.flush(60)


def write(producer: Producer, places: list[TopicPartition]) -> None:
    producer.begin_transaction()
    for place in places:
        producer.produce(place.topic, b"value", partition=place.partition)


def test_the_end_after_a_commit_is_behind_all_of_it(
    ws: Connection, producer: Producer, places: list[TopicPartition]
) -> None:
    """Right after a commit, the last stable offset itself was too small in nine of ten cases."""
    with closing(KafkaConsumer(**ws.kafka)) as consumer:
        for _ in range(10):
            write(producer, places)
            producer.commit_transaction(60)
            ends = transactions.committed_ends(ws.kafka, places)
            assert ends == consumer.end_offsets(places)


def test_an_open_transaction_is_not_waited_for(
    ws: Connection, producer: Producer, places: list[TopicPartition]
) -> None:
    write(producer, places)
    producer.flush(60)
    assert transactions.committed_ends(ws.kafka, places) == dict.fromkeys(places, 0)
    producer.abort_transaction(60)
    after_the_marker = dict.fromkeys(places, 2)  # the record, and the marker of the end
    assert transactions.committed_ends(ws.kafka, places) == after_the_marker
