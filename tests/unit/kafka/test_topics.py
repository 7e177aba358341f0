"""The creation of topics: those that exist are left, copies are bounded, and a topic counts once it has leaders."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from kafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError
from workshop.base.errors import WorkshopError
from workshop.kafka import admin, topics
from workshop.kafka.topics import Topic


class Admin:
    """An admin client that fails as a test says, and whose topics get their leaders late."""

    def __init__(self) -> None:
        self.existing = ["payments"]
        self.asked: list[tuple[str, dict]] = []
        self.failures: list[Exception] = []
        self.leaders = [[1, 2, 3]]
        self.closed = False

    def create_topics(self, wanted: Mapping[str, dict]) -> None:
        self.asked += wanted.items()
        if known := set(wanted) & set(self.existing):
            raise TopicAlreadyExistsError(known)
        if self.failures:
            raise self.failures.pop(0)

    def describe_topics(self, names: list[str]) -> list[dict]:
        leaders = self.leaders.pop(0) if len(self.leaders) > 1 else self.leaders[0]
        return [{"partitions": [{"leader_id": leader, "error_code": 5 if leader == 0 else 0} for leader in leaders]}]

    def close(self) -> None:
        self.closed = True


class Bounded(dict):
    """Settings of a cluster that has two brokers."""

    copies = 2


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Admin:
    made = Admin()
    monkeypatch.setattr(admin, "admin", lambda kafka: made)
    monkeypatch.setattr("workshop.base.waiting.time.sleep", lambda seconds: None)
    return made


def test_a_topic_that_exists_is_left_as_it_is(fake: Admin):
    topics.create({}, [Topic("payments", partitions=9)])
    assert [name for name, _ in fake.asked] == ["payments"]
    assert fake.closed


def test_a_topic_is_created_as_it_is_declared(fake: Admin):
    topics.create({}, [Topic("debits", 2, 1, {"cleanup.policy": "compact"})])
    options = {"num_partitions": 2, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}}
    assert fake.asked == [("debits", options)]


def test_there_are_no_more_copies_than_the_cluster_has_brokers(fake: Admin):
    topics.create(Bounded(), [Topic("three", copies=3), Topic("one", copies=1)])
    assert [options["replication_factor"] for _, options in fake.asked] == [2, 1]


def test_a_topic_that_somebody_else_creates_meanwhile_is_no_error(fake: Admin):
    fake.failures = [TopicAlreadyExistsError("debits")]
    topics.create({}, [Topic("debits")])
    assert len(fake.asked) == 1


def test_too_few_brokers_are_asked_again(fake: Admin):
    fake.failures = [InvalidReplicationFactorError("2 brokers")] * 2
    topics.create({}, [Topic("debits")])
    assert len(fake.asked) == 3


def test_too_few_brokers_for_the_whole_time_are_told(fake: Admin, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(topics, "PATIENCE", -1.0)
    fake.failures = [InvalidReplicationFactorError("2 brokers")] * 2
    with pytest.raises(WorkshopError, match=r"for 3 brokers to accept replicas of the topic debits.*workshop up"):
        topics.create({}, [Topic("debits")])


@pytest.mark.parametrize("not_yet", [[], [1, -1, 3], [1, 0, 3]], ids=["no partitions", "no leader", "an error"])
def test_a_topic_counts_once_each_partition_has_a_leader(fake: Admin, not_yet: list[int]):
    fake.leaders = [not_yet, [1, 2, 3]]
    topics.create({}, [Topic("debits")])
    assert fake.leaders == [[1, 2, 3]]


def test_every_name_of_the_settings_is_a_topic_of_the_story():
    assert set(topics.NAMES.values()) == {topic.name for topic in topics.STORY}


def test_no_topic_of_the_story_deletes_payments_of_2018():
    assert all(topic.configs in (topics.FOR_EVER, {"cleanup.policy": "compact"}) for topic in topics.STORY)
