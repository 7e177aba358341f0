"""Lesson 03: which payments count as acknowledged, and what a producer hears."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaTimeoutError, NotEnoughReplicasError
from workshop.lessons.replication import experiments
from workshop.lessons.replication.observations import Kill


class Answer:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def get(self, timeout: float) -> str:
        if self.error:
            raise self.error
        return "written"


class Producer:
    """A producer that refuses 1 at once, never acknowledges 2, and takes the rest."""

    def __init__(self, **options: object) -> None:
        self.options = options

    def partitions_for(self, topic: str) -> set[int]:
        return {0}

    def send(self, topic: str, value: bytes, partition: int = 0) -> Answer:
        if value == b"1":
            raise KafkaTimeoutError("no room")
        return Answer(KafkaTimeoutError("expired") if value == b"2" else None)


def test_a_payment_is_acknowledged_or_failed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(experiments, "KafkaProducer", Producer)
    numbers = experiments.Numbers(SimpleNamespace(kafka={}), "topic", patience=2.5, acks="all")
    numbers.send(range(4))
    assert (numbers.acknowledged, numbers.failed) == ({0, 3}, {1, 2})
    assert numbers._producer.options["delivery_timeout_ms"] == 2_500
    assert numbers._producer.options["acks"] == "all"


def test_a_payment_that_was_not_even_taken_is_not_acknowledged():
    assert not experiments._is_acknowledged(None, time.monotonic() + 5)


@pytest.mark.parametrize(
    ("error", "told"), [(None, "acknowledged"), (NotEnoughReplicasError(), "NotEnoughReplicasError")]
)
def test_what_a_producer_hears_is_a_word(error: Exception | None, told: str):
    producer = SimpleNamespace(send=lambda topic, value: Answer(error))
    assert experiments._told(producer, "topic") == told


@pytest.mark.parametrize(
    ("in_sync", "leader", "noticed"), [([1, 2], 1, True), ([1, 2, 3], 1, False), ([1, 2], 3, False), ([1], -1, False)]
)
def test_a_dead_broker_is_noticed_once_it_neither_leads_nor_is_in_sync(
    in_sync: list[int], leader: int, noticed: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(experiments, "partitions", lambda ws, topic: [{"isr_nodes": in_sync, "leader_id": leader}])
    assert experiments._noticed(None, "topic", 3) == noticed


def test_acknowledgements_are_seconds_since_the_flow_began():
    flow = SimpleNamespace(began=100.0, acknowledged={1: 103.0, 0: 101.5})
    assert experiments._now(Kill("all", 1, []), flow).acknowledged == [1.5, 3.0]
