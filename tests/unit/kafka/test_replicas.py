"""Leaders and followers of a partition."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaTimeoutError
from workshop.kafka import admin, replicas
from workshop.kafka.handle import Kafka

PARTITIONS = [
    {"partition_index": 1, "leader_id": 2, "replica_nodes": [2, 3, 1]},
    {"partition_index": 0, "leader_id": 3, "replica_nodes": [1, 3, 2]},
]


class Admin:
    """An admin client whose first brokers do not answer."""

    def __init__(self, failures: list[Exception]) -> None:
        self.failures = failures

    def describe_topics(self, names: list[str]) -> list[dict]:
        if self.failures:
            raise self.failures.pop()
        return [{"partitions": PARTITIONS}]

    def close(self) -> None:
        pass


@pytest.fixture
def ws(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    failures = [KafkaTimeoutError("frozen"), ConnectionRefusedError("dead")]
    monkeypatch.setattr(admin, "admin", lambda kafka, **more: Admin(failures))
    monkeypatch.setattr("workshop.base.waiting.time.sleep", lambda seconds: None)
    return Kafka({"bootstrap_servers": ["127.0.0.1:1"]})


def test_partitions_are_in_order_of_their_numbers_and_dead_brokers_are_passed_over(ws: Kafka):
    assert [partition["partition_index"] for partition in replicas.partitions(ws, "topic")] == [0, 1]


def test_the_leader_of_a_partition_is_found_by_its_number(ws: Kafka):
    assert replicas.leader_of(ws, "topic") == 3
    assert replicas.leader_of(ws, "topic", 1) == 2


def test_the_leader_is_no_follower(ws: Kafka):
    assert replicas.followers_of(ws, "topic") == [1, 2]
    assert replicas.followers_of(ws, "topic", 1) == [3, 1]


def test_an_unknown_error_is_raised(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(admin, "admin", lambda kafka, **more: Admin([KeyError("a defect")]))
    with pytest.raises(KeyError):
        replicas.partitions(Kafka({"bootstrap_servers": []}), "topic")
