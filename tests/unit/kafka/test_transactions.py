"""The end of committed transactions: partitions that have not got their markers yet are waited for, open ones are not."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import RequestTimedOutError
from workshop.kafka import transactions

PLACE = TopicPartition("payments", 0)


class Cluster:
    """A partition with 10 records, of which the last stable offsets and the states of transactions are given in turn."""

    def __init__(self, stable: Sequence[int], marking: Sequence[Any]) -> None:
        self.stable, self.marking = iter(stable), iter(marking)

    def consumer(self, isolation_level: str = "read_uncommitted") -> SimpleNamespace:
        def ends(places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(places, next(self.stable) if isolation_level == "read_committed" else 10)

        return SimpleNamespace(end_offsets=ends, close=lambda: None)

    def admin(self, kafka: dict) -> SimpleNamespace:
        def listed(state_filters: Sequence[str]) -> dict[int, list]:
            answer = next(self.marking)
            if isinstance(answer, Exception):
                raise answer
            return {1: [], 2: answer}

        return SimpleNamespace(list_transactions=listed, close=lambda: None)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "PAUSE", 0)


def use(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "KafkaConsumer", cluster.consumer)
    monkeypatch.setattr(transactions, "admin", cluster.admin)


@pytest.mark.parametrize(
    ("stable", "marking", "end"),
    [
        pytest.param([10], [], 10, id="all is decided: nobody is asked"),
        pytest.param([4, 4, 10], [["one"], ["one"]], 10, id="a committed transaction is waited for"),
        pytest.param([4, 10], [[]], 10, id="it was marked between two questions"),
        pytest.param([4, 4], [[]], 4, id="an open transaction is not waited for"),
        pytest.param([4, 4], [RequestTimedOutError()], 4, id="a broker is away"),
    ],
)
def test_the_end_is_that_of_all_committed_transactions(
    stable: list[int], marking: list, end: int, monkeypatch: pytest.MonkeyPatch
):
    cluster = Cluster(stable, marking)
    use(cluster, monkeypatch)
    assert transactions.committed_ends({}, [PLACE]) == {PLACE: end}
    assert list(cluster.stable) == []


def test_the_wait_is_bounded(monkeypatch: pytest.MonkeyPatch):
    cluster = Cluster([4, 4], [["one"]])
    use(cluster, monkeypatch)
    monkeypatch.setattr(transactions, "PATIENCE", -1)
    assert transactions.committed_ends({}, [PLACE]) == {PLACE: 4}
