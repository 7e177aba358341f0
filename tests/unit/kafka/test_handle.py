"""The handle of a running Kafka: fresh topics, their deletion, and settings for other clients."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import pytest
from workshop.kafka import admin, topics
from workshop.kafka.handle import Kafka


class Admin:
    """An admin client of a cluster that is a dictionary."""

    def __init__(self, cluster: dict[str, dict]) -> None:
        self.cluster = cluster
        self.closed = False

    def list_topics(self) -> list[str]:
        return list(self.cluster)

    def create_topics(self, wanted: Mapping[str, dict]) -> None:
        self.cluster.update(wanted)

    def describe_topics(self, names: list[str]) -> list[dict]:
        count = self.cluster[names[0]]["num_partitions"]
        return [{"partitions": [{"leader_id": 1, "error_code": 0}] * count}]

    def delete_topics(self, names: list[str], raise_errors: bool = True) -> dict:
        for name in names:
            del self.cluster[name]
        return {"topics": [{"name": name, "error_code": 0} for name in names]}

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict]:
    cluster: dict[str, dict] = {"payments": {"num_partitions": 3}}
    monkeypatch.setattr(admin, "admin", lambda kafka, **more: Admin(cluster))
    return cluster


def test_a_fresh_topic_has_a_name_of_its_own_and_is_kept_for_ever(cluster: dict[str, dict]):
    ws = Kafka({})
    first, second = ws.fresh_topic("lesson"), ws.fresh_topic("lesson")
    assert first != second
    assert first.startswith("lesson-")
    assert cluster[first] == {
        "num_partitions": 3,
        "replication_factor": 3,
        "configs": {"retention.ms": "-1"},
    }


def test_settings_of_a_fresh_topic_are_written_with_underscores_and_win(cluster: dict[str, dict]):
    name = Kafka({}).fresh_topic("short", partitions=1, copies=2, retention_ms="5", min_insync_replicas="2")
    assert cluster[name]["configs"] == {"retention.ms": "5", "min.insync.replicas": "2"}
    assert (cluster[name]["num_partitions"], cluster[name]["replication_factor"]) == (1, 2)


def test_tidying_deletes_fresh_topics_with_their_dead_letters_and_no_others(cluster: dict[str, dict]):
    ws = Kafka({})
    name = ws.fresh_topic("lesson")
    cluster[name + topics.DEAD_LETTERS] = {}
    assert ws.tidy() == "2 topics of this lesson are deleted"
    assert list(cluster) == ["payments"]


def test_tidying_speaks_of_one_topic_in_the_singular_and_of_none_in_the_plural(cluster: dict[str, dict]):
    ws = Kafka({})
    ws.fresh_topic("lesson")
    assert ws.tidy() == "1 topic of this lesson is deleted"
    assert ws.tidy() == "0 topics of this lesson are deleted"


def test_two_handles_do_not_delete_each_others_topics(cluster: dict[str, dict]):
    one, other = Kafka({}), Kafka({})
    kept = one.fresh_topic("kept")
    assert other.tidy() == "0 topics of this lesson are deleted"
    assert kept in cluster


def test_addresses_are_a_copy():
    ws = Kafka({"bootstrap_servers": ["127.0.0.1:1", "127.0.0.1:2"]})
    ws.addresses().clear()
    assert ws.addresses() == ["127.0.0.1:1", "127.0.0.1:2"]


def test_settings_for_confluent_kafka_have_dots():
    found = Kafka({"bootstrap_servers": ["127.0.0.1:1", "127.0.0.1:2"]}).confluent(group_id="g")
    assert found["bootstrap.servers"] == "127.0.0.1:1,127.0.0.1:2"
    assert found["group.id"] == "g"
