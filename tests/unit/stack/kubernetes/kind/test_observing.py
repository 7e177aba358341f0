"""What is said of a kind cluster that starts: with an engine and a `kubectl` that are played."""

from __future__ import annotations

from collections import namedtuple

import psutil
import pytest
from workshop.base.errors import WorkshopError
from workshop.base.machine import Load
from workshop.base.settings import Settings
from workshop.stack.kubernetes import kubectl
from workshop.stack.kubernetes.kind import engine, observing
from workshop.stack.kubernetes.kind.nodes import Nodes

KAFKA = {"bootstrap_servers": ["127.0.0.1:1"]}


def node(name: str, *, ready: bool) -> dict:
    return {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


def pod(name: str, *, ready: bool = False, placed: bool = True, waiting: str = "") -> dict:
    conditions = [{"type": "PodScheduled", "status": str(placed)}, {"type": "Ready", "status": str(ready)}]
    states = [{"state": {"waiting": {"reason": waiting}}}] if waiting else [{"state": {"running": {}}}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions, "containerStatuses": states}}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, list]:
    """A cluster with these nodes and pods; `registered` are its brokers."""
    there = {"nodes": [node(f"w{n}", ready=True) for n in (1, 2)], "pods": [], "registered": []}
    monkeypatch.setattr(kubectl, "get", lambda settings, what, *more: {"items": there[what]})
    monkeypatch.setattr(observing, "registered_brokers", lambda kafka: set(there["registered"]))
    return there


def missing(settings: Settings) -> str:
    return observing.brokers(settings, KAFKA)().missing


def test_a_node_that_is_not_ready_is_named_before_what_runs_on_it(settings: Settings, cluster: dict[str, list]):
    cluster["nodes"] = [node("w1", ready=True), node("w2", ready=False), node("w3", ready=False)]
    cluster["pods"] = [pod("kafka-1")]
    assert missing(settings) == "w2, w3 to be ready (1 of 3 nodes)"


def test_then_brokers_are_named_with_the_state_of_their_pods(settings: Settings, cluster: dict[str, list]):
    cluster["registered"] = [1]
    cluster["pods"] = [
        pod("kafka-2", waiting="ContainerCreating"),
        pod("kafka-1", ready=True),
        pod("kafka-3", placed=False),
    ]
    said = (
        "brokers 2, 3 to be registered (1 of 3): kafka-1 is ready, kafka-2: ContainerCreating, kafka-3 has no node yet"
    )
    assert missing(settings) == said
    cluster["registered"], cluster["pods"] = [1, 2], [pod("kafka-3")]
    assert missing(settings) == "broker 3 to be registered (2 of 3): kafka-3 is starting"
    cluster["pods"] = []
    assert missing(settings).endswith("there is no pod yet")


def test_three_registered_brokers_are_enough(settings: Settings, cluster: dict[str, list]):
    cluster["registered"] = [1, 2, 3]
    assert observing.brokers(settings, KAFKA)().answer


def test_an_api_that_does_not_answer_is_told_with_the_containers_of_its_node(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    def refused(*words: object, **options: object) -> str:
        raise WorkshopError("`kubectl get` failed.", detail="connection refused")

    monkeypatch.setattr(kubectl, "kubectl", refused)
    monkeypatch.setattr(engine, "docker", lambda *words, **options: "TASK PID STATUS\nab 12 RUNNING\ncd 13 STOPPED")
    assert (
        observing.api(settings, "node")().missing == "the Kubernetes API to answer (containers that run in its node: 1)"
    )
    monkeypatch.setattr(engine, "docker", refused)
    assert (
        observing.api(settings, "node")().missing == "the Kubernetes API to answer (containers that run in its node: 0)"
    )
    monkeypatch.setattr(kubectl, "kubectl", lambda *words, **options: "ok")
    assert observing.api(settings, "node")().answer


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ("The connection to the server 127.0.0.1:19106 was refused - did you specify the right host or port?", True),
        ("Error from server: etcdserver: request timed out", True),
        ("net/http: TLS handshake timeout", True),
        ('Error from server (Forbidden): pods is forbidden: User "alice" cannot list', False),
        ("error: no objects passed to apply", False),
    ],
)
def test_what_may_pass_by_itself_is_told_from_what_stays(said: str, passes: bool):
    assert kubectl.may_pass(WorkshopError("`kubectl apply` failed.", detail=said)) is passes


def test_all_stopped_nodes_are_started_though_one_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    started: list[str] = []

    def docker(verb: str, name: str, **options: object) -> str:
        started.append(name)
        if name == "b":
            raise WorkshopError("`docker start b` failed.")
        return name

    monkeypatch.setattr(
        engine, "containers", lambda cluster, *, all_of_them=True: dict.fromkeys("abcd" if all_of_them else "c", "id")
    )
    monkeypatch.setattr(engine, "docker", docker)
    with pytest.raises(WorkshopError, match="start b"):
        Nodes(settings).start()
    assert sorted(started) == ["a", "b", "d"]


Times = namedtuple("Times", "user nice idle")
Disk = namedtuple("Disk", "busy_time")


@pytest.mark.parametrize(
    ("spent", "disk", "busy"),
    [
        (Times(95, 0, 5), 0, True),
        (Times(20, 0, 80), 0, False),
        (Times(10, 85, 5), 0, False),  # at a low priority: it gives way
        (Times(10, 0, 90), 900, True),
        (Times(10, 0, 90), 500, False),
    ],
)
def test_a_machine_is_busy_without_processor_time_or_with_a_disk_at_work(
    monkeypatch: pytest.MonkeyPatch, spent: Times, disk: int, busy: bool
):
    now, moments = [0.0], {0.0: (Times(0, 0, 0), Disk(0)), 1.0: (spent, Disk(disk))}
    monkeypatch.setattr("workshop.base.machine.time.monotonic", lambda: now[0])
    monkeypatch.setattr(psutil, "cpu_times", lambda: moments[now[0]][0])
    monkeypatch.setattr(psutil, "disk_io_counters", lambda perdisk: {"vda": moments[now[0]][1]})
    load = Load()
    now[0] = 1.0
    assert load.is_busy() is busy
