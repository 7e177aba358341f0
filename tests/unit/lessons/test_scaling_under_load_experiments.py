"""Lesson 08: figures of a service, stages, and the lag of a group."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import NotCoordinatorError, TopicAuthorizationFailedError
from workshop.lessons.scaling_under_load import experiments
from workshop.lessons.scaling_under_load.observations import Scaled
from workshop.notebook.pods import Pod


def test_stages_begin_one_after_the_other():
    stages = [("normal", 8, 10), ("rush", 12.5, 30), ("heavy", 55, 50.5)]
    assert experiments._begins(stages) == [(0.0, "normal: 10/s"), (8.0, "rush: 30/s"), (20.5, "heavy: 50.5/s")]


def test_figures_are_read_with_their_labels(monkeypatch: pytest.MonkeyPatch):
    text = '# HELP x\npayments_queued 3.0\nrequests_total{path="/a b",status="201"} 7.0\n'
    monkeypatch.setattr(experiments.httpx, "get", lambda url, **more: SimpleNamespace(text=text))
    found = experiments._figures(SimpleNamespace(payments="http://payments"))
    assert found == {"payments_queued": 3.0, 'requests_total{path="/a b",status="201"}': 7.0}


def test_pods_that_leave_are_neither_ready_nor_wished_for():
    states = ("ready", "ready", "not ready", "waiting", "leaving", "ended")
    latest = [Pod("p", "payments", "n", state, "", 0, "1") for state in states]
    seen = Scaled(SimpleNamespace(now=5.0), 1, 4)
    experiments._note(None, seen, SimpleNamespace(latest=latest))
    assert (seen.ready, seen.wished) == ([(5.0, 2)], [(5.0, 4)])


class Admin:
    """An admin client that knows the offsets of a group in two topics."""

    def list_group_offsets(self, groups: list[str]) -> dict:
        places = {TopicPartition("payments", 0): 4, TopicPartition("payments", 1): -1, TopicPartition("other", 0): 99}
        return {groups[0]: {place: OffsetAndMetadata(at, "", -1) for place, at in places.items()}}

    def close(self) -> None:
        """Nothing is open."""


class Consumer:
    def __init__(self, **options: object) -> None:
        """A consumer of three partitions with ten records each."""

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1, 2}

    def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 10)

    def close(self) -> None:
        """Nothing is open."""


def test_a_partition_without_a_bookmark_waits_as_a_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(experiments, "KafkaConsumer", Consumer)
    assert experiments.lag(SimpleNamespace(admin=Admin, kafka={}), "debits") == 6 + 10 + 10


def test_a_coordinator_that_moves_is_asked_again(monkeypatch: pytest.MonkeyPatch):
    answers = iter([NotCoordinatorError(), 0])

    def asked(ws: object, group: str, topic: str) -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(experiments, "_lag", asked)
    monkeypatch.setattr("workshop.base.waiting.time.sleep", lambda seconds: None)
    assert experiments.lag(None) == 0


def test_a_refusal_is_raised(monkeypatch: pytest.MonkeyPatch):
    def refused(ws: object, group: str, topic: str) -> int:
        raise TopicAuthorizationFailedError

    monkeypatch.setattr(experiments, "_lag", refused)
    with pytest.raises(TopicAuthorizationFailedError):
        experiments.lag(None)
