"""Lesson 00: the processes that run, and where one payment lies. The cluster is a dictionary."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from kafka.errors import ClusterAuthorizationFailedError
from workshop.lessons.start_here import experiments


class Admin:
    """An admin client of three brokers, which may not ask for the controller or may."""

    def __init__(self, leader: int | None) -> None:
        self.leader = leader

    def describe_cluster(self) -> dict:
        return {"brokers": [{"broker_id": n, "host": "127.0.0.1", "port": n} for n in (3, 1, 2)]}

    def describe_metadata_quorum(self) -> dict:
        if self.leader is None:
            raise ClusterAuthorizationFailedError
        return {"topics": [{"partitions": [{"leader_id": self.leader}]}]}

    def describe_topics(self, names: list[str]) -> list[dict]:
        parts = [{"partition_index": n, "replica_nodes": [1, 2, 3], "leader_id": n + 1} for n in (2, 0, 1)]
        return [{"partitions": parts}]

    def close(self) -> None:
        """Nothing is open."""


def ws(leader: int | None = 2) -> SimpleNamespace:
    return SimpleNamespace(admin=lambda: Admin(leader), settings=None)


@pytest.mark.parametrize(
    ("leader", "said"),
    [
        (2, "3 brokers are registered; broker 2 is the controller in charge."),
        (None, "3 brokers are registered."),
    ],
)
def test_the_stack_is_told_by_its_brokers(leader: int | None, said: str, monkeypatch: pytest.MonkeyPatch):
    components = {"kafka-1": {"state": "running", "pid": 7, "memory_mb": 300}, "lab": {"state": "stopped"}}
    monkeypatch.setattr(experiments.lifecycle, "status", lambda settings: {"components": components})
    assert experiments.draw_stack(ws(leader)).alt == said


@pytest.mark.parametrize(
    ("component", "text"),
    [
        ({"pid": 7, "memory_mb": 300, "state": "running"}, "pid 7, 300 MB"),
        ({"state": "stopped"}, "does not run"),
        ({"state": "running", "where": "kind-worker2"}, "a pod on worker2"),
        ({"state": "running"}, "runs elsewhere"),
    ],
)
def test_a_component_is_told_by_where_it_runs(component: dict, text: str):
    assert experiments._process({"x": component}, "x") == text
    assert experiments._process({}, "x") == "runs elsewhere"


def test_the_partition_of_a_payment_is_told_with_its_leader():
    written = SimpleNamespace(partition=1, offset=9)
    assert experiments.draw_copies(ws(), "payments", written).alt == (
        "Partition 1 is led by broker 2; every broker holds a copy."
    )


def test_the_payments_of_one_card_are_counted():
    rows = pd.DataFrame(
        {"CUSTOMER_ID": [7, 7, 8], "TX_DATETIME": pd.to_datetime(["2018-04-01"] * 3), "TX_AMOUNT": [1, 2, 3]}
    )
    assert experiments.draw_card(rows, 7).alt.startswith("2 payments over half a year")
