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
        (2, "3 brokers are registered; broker 2 is the controller in charge. The kernel that"),
        (None, "3 brokers are registered. The kernel that"),
    ],
)
def test_the_stack_is_told_by_its_brokers(leader: int | None, said: str, monkeypatch: pytest.MonkeyPatch):
    components = {"kafka-1": {"state": "running", "pid": 7, "memory_mb": 300}, "lab": {"state": "stopped"}}
    monkeypatch.setattr(experiments.lifecycle, "status", lambda settings: {"components": components})
    assert experiments.draw_stack(ws(leader)).alt.startswith(said)


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
        "Your payment is in partition 1, at offset 9. Broker 2 leads this partition; brokers 1 and 3 hold a copy."
    )


@pytest.mark.parametrize(
    ("nodes", "said"), [([2], "no other broker holds a copy."), ([3, 2], "broker 3 holds a copy.")]
)
def test_copies_are_told_with_the_right_verb(nodes: list[int], said: str):
    partition = {"partition_index": 0, "leader_id": 2, "replica_nodes": nodes}
    assert experiments._copies_in_words(partition, SimpleNamespace(offset=0)).endswith(said)


def test_the_payments_of_one_card_are_counted():
    days = pd.to_datetime(["2018-04-01", "2018-04-01", "2018-04-02", "2018-04-02"])
    rows = pd.DataFrame({"CUSTOMER_ID": [7, 7, 7, 8], "TX_DATETIME": days, "TX_AMOUNT": [1, 2, 6, 3]})
    assert experiments.draw_card(rows, 7).alt == (
        "Card-0007 made 3 payments on 2 days. The median amount is 2.00 €, the largest 6.00 €."
    )
    assert experiments.draw_card(rows, 8).alt.startswith("Card-0008 made 1 payment on 1 day.")
    assert experiments.draw_card(rows, 9).alt == "Card-0009 made 0 payments on 0 days."
