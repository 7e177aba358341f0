"""What pods take is measured of real processes, and told as metrics.k8s.io does."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest
from node_agent.kubelet.pod import MARK
from node_agent.kubelet_api import node_metrics
from node_agent.metrics import metrics_api, selectors
from node_agent.metrics import usage as metrics
from node_agent.metrics.usage import Sampler, Usage
from node_agent.processes import proc
from workshop.base.waiting import wait_until

# Busy for so many seconds of processor time, however busy the machine is.
BUSY = "import time\nwhile time.process_time() < {}: pass\n{}"


def until_taken(sampler: Sampler, pod: SimpleNamespace, seconds: float) -> metrics.Usage:
    """Look again and again, until a container was seen to have taken so much processor time."""

    def enough() -> metrics.Usage | None:
        sampler.sample()
        usage = sampler.of(pod.uid, "web")
        return usage if usage and usage.cpu_seconds >= seconds else None

    return wait_until(enough, 120, f"{seconds} s to be seen")


def test_cpu_is_that_of_the_whole_tree():
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]]); input()"
    with running("web", parent, BUSY.format(30, "")) as (pod, registry):
        sampler = Sampler(registry)
        sampler.sample()
        usage = until_taken(sampler, pod, 0.5)
    assert usage.memory > 2_000_000
    assert 0 < usage.cores <= 1.5
    assert usage.window > 0


def test_what_ended_children_took_counts_on():
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]]); print(flush=True); input()"
    with running("web", parent, BUSY.format(0.5, "")) as (pod, registry):
        sampler = Sampler(registry)
        sampler.sample()
        pod.process.stdout.readline()
        sampler.sample()
        assert sampler.of(pod.uid, "web").cpu_seconds > 0.4


def test_a_process_that_left_its_parent_and_session_still_counts():
    wanders = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    " + BUSY.format(30, "").replace("\n", "\n    ")
    with running("web", wanders + "\nprint(flush=True)\ninput()") as (pod, registry):
        pod.process.stdout.readline()
        sampler = Sampler(registry)
        until_taken(sampler, pod, 0.5)
        for number, owner in sampler._owners.items():
            if owner == (pod.uid, "web"):
                os.kill(number, 9)


def test_a_new_container_is_measured_from_its_beginning_and_a_restart_begins_anew():
    with running("web", BUSY.format(30, "")) as (pod, registry):
        busy = psutil.Process(pod.process.pid)
        begun = time.time() + metrics.SHORTEST  # of a shorter time nothing is told
        wait_until(lambda: sum(busy.cpu_times()[:2]) > 0.4 and time.time() > begun, 120, "it to be busy")
        pod.containers["web"].started = time.time() - 1  # however long the wait was
        sampler = Sampler(registry)
        sampler.sample()
        assert sampler.of(pod.uid, "web").cpu_seconds > 0.3
        pod.containers["web"].pid, pod.containers["web"].started = os.getpid(), time.time() - 3600
        sampler.sample()
        assert sampler.of(pod.uid, "web") is None
        pod.containers["web"].pid = None
        sampler.sample()
        assert sampler.of(pod.uid, "web") is None


def test_others_processes_are_read_no_more_once_they_are_known(monkeypatch):
    monkeypatch.setattr(metrics, "STRANGE_AFTER", 0)
    with running("web", "input()") as (pod, registry):
        sampler = Sampler(registry)
        sampler.sample()
        sampler.sample()
        read = []
        monkeypatch.setattr(proc, "process", lambda number: read.append(number))
        monkeypatch.setattr(proc, "variable", lambda number, name: read.append(number) or "")
        known = set(sampler._strangers)
        sampler.sample()
        assert pod.process.pid in read
        assert not known & set(read)


def test_losses_never_turn_a_counter_back():
    series = metrics._Series(1, metrics.deque())
    for moment, seconds in enumerate([1.0, 3.0, 2.0, 2.5]):
        series.add(float(moment), seconds, 0)
    assert [value for _, value in series.points] == [1.0, 3.0, 3.0, 3.5]


def test_the_window_is_about_ten_seconds():
    series = metrics._Series(1, metrics.deque())
    for step in range(20):
        series.add(step * 2.5, step * 1.0, 0)
    assert series.usage().window == 10
    assert series.usage().cores == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("", True),
        ("app=payments", True),
        ("app==payments,tier!=back", True),
        ("app in (payments, fraud),!old", True),
        ("tier notin (front)", False),
        ("tier", True),
        ("!tier", False),
        ("app=payments, other", False),
    ],
)
def test_label_selectors(selector, fits):
    assert selectors.matcher(selector)({"app": "payments", "tier": "front"}) is fits


def test_a_selector_that_cannot_be_read_is_refused():
    with pytest.raises(selectors.BadSelector, match="unable to parse"):
        selectors.matcher("app in payments")
    with pytest.raises(selectors.BadSelector, match="not supported: spec"):
        selectors.field_matcher("spec.x=1", ("metadata.name",))


def test_the_metrics_api_answers_pods_and_nodes():
    asked = asked_of({"a": Usage(0.25, 3 << 20, 9.0, 10.0, 1_700_000_000.0)})
    nodes = body_of(asked.nodes(request()))
    assert [node["metadata"]["name"] for node in nodes["items"]] == ["worker-1", "worker-2", "worker-3"]
    assert nodes["items"][0]["usage"] == {"cpu": "250000000n", "memory": "3072Ki"}
    assert nodes["items"][1]["usage"] == {"cpu": "0n", "memory": "0Ki"}

    pods = body_of(asked.pods(request({"labelSelector": "app=web"}, namespace="workshop")))
    assert pods["kind"] == "PodMetricsList"
    (pod,) = pods["items"]
    assert pod["containers"] == [{"name": "a", "usage": {"cpu": "250000000n", "memory": "3072Ki"}}]
    assert (pod["timestamp"], pod["window"]) == ("2023-11-14T22:13:20Z", "10.000s")
    for query in ({"labelSelector": "app=other"}, {"fieldSelector": "metadata.name=other"}):
        assert body_of(asked.pods(request(query)))["items"] == []
    assert body_of(asked.pods(request(namespace="elsewhere")))["items"] == []


def test_what_was_not_measured_is_not_found():
    asked = asked_of({})
    answer = asyncio.run(asked.pod(request(namespace="workshop", name="web-1")))
    assert answer.status == 404
    assert 'pods.metrics.k8s.io "web-1" not found' in json.loads(answer.body)["message"]


def test_figures_are_written_as_a_kubelet_writes_them():
    pod = a_pod()
    usage = Usage(0.25, 3 << 20, 9.0, 10.0, 1_700_000_000.0)
    text = node_metrics.prometheus([(pod, {"a": usage})])
    labels = 'container="a",pod="web-1",namespace="workshop"'
    assert f"container_cpu_usage_seconds_total{{{labels}}} 9.0 1700000000000\n" in text
    assert 'pod_memory_working_set_bytes{pod="web-1",namespace="workshop"} 3145728 1700000000000\n' in text
    assert "node_cpu_usage_seconds_total 9.0 1700000000000\n" in text
    assert "# TYPE container_memory_working_set_bytes gauge\n" in text
    told = node_metrics.summary("worker-1", [(pod, {"a": usage})])
    assert told["node"]["memory"]["workingSetBytes"] == told["pods"][0]["memory"]["workingSetBytes"] == 3 << 20


class running:  # noqa: N801
    """A pod whose one container runs a Python program, and a registry that holds it."""

    def __init__(self, container: str, program: str, *args: str) -> None:
        self._name, self._argv = container, [sys.executable, "-c", program, *args]

    def __enter__(self):
        uid = f"uid-{os.getpid()}-{time.monotonic_ns()}"
        env = {**os.environ, MARK: f"{uid}/{self._name}"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(self._argv, env=env, start_new_session=True, **pipes)
        container = SimpleNamespace(name=self._name, pid=self._process.pid, started=time.time())
        pod = SimpleNamespace(uid=uid, containers={self._name: container}, process=self._process)
        return pod, SimpleNamespace(pods=lambda node=None: [pod])

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, 9)
        self._process.communicate()


def a_pod() -> SimpleNamespace:
    about = {"namespace": "workshop", "name": "web-1", "uid": "1", "node": "worker-1", "labels": {"app": "web"}}
    return SimpleNamespace(**about, containers={"a": SimpleNamespace(name="a", started=1_699_999_000.0)})


def asked_of(usages: dict[str, Usage]) -> metrics_api._Asked:
    pod = a_pod()
    registry = SimpleNamespace(
        pods=lambda node=None: [pod] if node in (None, pod.node) else [],
        find=lambda node, namespace, name: pod if (namespace, name) == (pod.namespace, pod.name) else None,
    )
    sampler = SimpleNamespace(of=lambda uid, name: usages.get(name))
    return metrics_api._Asked(SimpleNamespace(nodes=("worker-1", "worker-2", "worker-3")), sampler, registry)


def request(query: dict[str, str] | None = None, **match: str) -> SimpleNamespace:
    return SimpleNamespace(query=query or {}, match_info=match)


def body_of(answering) -> dict:
    return json.loads(asyncio.run(answering).body)
