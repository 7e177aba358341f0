"""Which pod is meant by a name: a StatefulSet's next pod has that of the last one, whose end is still being written down."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from node_agent.agent import Agent


def pod(uid: str, *, leaves: bool = False, name: str = "db-0", namespace: str = "here") -> SimpleNamespace:
    about = {"uid": uid} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaves else {})
    return SimpleNamespace(namespace=namespace, name=name, uid=uid, manifest={"metadata": about})


def agent(*nodes: list[SimpleNamespace]) -> Agent:
    made = Agent.__new__(Agent)
    made.nodes = [
        SimpleNamespace(name=f"worker-{number}", pods={one.uid: one for one in pods})
        for number, pods in enumerate(nodes, start=1)
    ]
    return made


@pytest.mark.parametrize("node", ["worker-1", None])
@pytest.mark.parametrize(
    "pods",
    [
        [pod("old", leaves=True), pod("meant")],
        [pod("meant"), pod("old", leaves=True)],
        [pod("oldest", leaves=True), pod("meant", leaves=True)],
        [pod("other", namespace="there"), pod("another", name="db-1"), pod("meant")],
    ],
)
def test_the_successor_is_meant_while_the_one_before_it_leaves(node: str | None, pods: list[SimpleNamespace]) -> None:
    assert agent(pods).find(node, "here", "db-0").uid == "meant"


def test_on_whichever_node_the_successor_is() -> None:
    nodes = agent([pod("meant")], [pod("old", leaves=True)])
    assert nodes.find(None, "here", "db-0").uid == "meant"
    assert nodes.find("worker-2", "here", "db-0").uid == "old"
    assert nodes.find("worker-3", "here", "db-0") is None
    assert nodes.find(None, "here", "db-1") is None
