"""The steps of a repair of brokers, as they are shown: no server is needed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from workshop.stack import faults
from workshop.stack.faults import Brokers


class Backend:
    """Three brokers, of which one is frozen and one is dead."""

    owns_brokers = True

    def __init__(self) -> None:
        self.states = {1: "running", 2: "paused", 3: "stopped"}

    def broker_states(self) -> dict[int, str]:
        return dict(self.states)

    def start_broker(self, node: int) -> None:
        self.states[node] = "running"

    resume_broker = start_broker


class Line:
    """The steps, as they stand there at the end."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.seen: list[str] = []

    def say(self, word: str) -> None:
        self.words.append(word)

    def now(self, word: str) -> None:
        self.words[-1] = word
        self.seen.append(word)


def partition(leader: int, in_sync: list[int]) -> dict:
    return {"leader_id": leader, "replica_nodes": [1, 2, 3], "isr_nodes": in_sync}


class Admin:
    """An admin client of a cluster with two partitions; an election gives the leaders back."""

    def __init__(self, brokers: list[int], *partitions: dict) -> None:
        self.brokers, self.partitions, self.elected = brokers, list(partitions), False

    def describe_cluster(self) -> dict:
        return {"brokers": [{"broker_id": node} for node in self.brokers]}

    def describe_topics(self) -> list[dict]:
        return [{"partitions": self.partitions}]

    def elect_leaders(self, kind: int, raise_errors: bool) -> None:
        self.elected = True


@pytest.mark.parametrize(
    ("admin", "missing"),
    [
        (Admin([1, 3], partition(1, [1, 2, 3])), "waiting for broker 2"),
        (Admin([1, 2, 3], partition(1, [1, 2, 3]), partition(1, [1])), "1 of 2 partitions wait for a replica"),
        (Admin([1, 2, 3], partition(-1, [])), "1 of 1 partitions wait for a replica"),
        (Admin([1, 2, 3], partition(2, [2, 1, 3])), "1 of 1 leaders return to their brokers"),
        (Admin([1, 2, 3], partition(1, [3, 2, 1])), ""),
    ],
)
def test_what_a_cluster_lacks_is_said_in_words(admin: Admin, missing: str):
    assert faults._missing(admin) == missing
    assert admin.elected == ("leaders return" in missing)


def test_a_repair_shows_its_steps_and_says_repaired_at_its_end_only(monkeypatch: pytest.MonkeyPatch):
    missing = iter(["waiting for broker 3", "1 of 2 partitions wait for a replica", ""])
    monkeypatch.setattr(faults.kafka_admin, "admin", lambda kafka, **options: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(faults, "_missing", lambda admin: next(missing))
    monkeypatch.setattr(Brokers, "_wait_for", lambda self, node: None)
    line = Line()
    Brokers(Backend(), {}, lambda: line).restore()
    assert line.words == ["broker 2 resumes", "broker 3 starts", "all replicas are in sync: repaired"]
    assert line.seen[:2] == ["waiting for broker 3", "1 of 2 partitions wait for a replica"]


def test_where_nothing_is_broken_nothing_is_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(faults.kafka_admin, "admin", lambda kafka, **options: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(faults, "_missing", lambda admin: "")
    backend = Backend()
    backend.states = dict.fromkeys((1, 2, 3), "running")
    Brokers(backend, {}, lambda: pytest.fail("a line was shown")).restore()
