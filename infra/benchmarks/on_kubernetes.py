"""Duration and resources of Kubernetes operations on the running stack, for both backends.

Usage: .venv/bin/python infra/benchmarks/on_kubernetes.py start [--runs N]    `workshop up` on stacks of its own (local)
       .venv/bin/python infra/benchmarks/on_kubernetes.py stack [--runs N]    memory and idle processor time of this stack
       .venv/bin/python infra/benchmarks/on_kubernetes.py pods [--runs N]     scaling, replacing, a lost node, the autoscaler
       .venv/bin/python infra/benchmarks/on_kubernetes.py lesson              lesson 08's figures

Each figure is a median with minimum and maximum. `pods` measures from the command until the API reports the last pod as
ready. The lost node is not measured on kind, because Kubernetes' default timeouts apply there.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import psutil
import workshop
from bench_pods import WEB, deployment, ready
from measuring import spread, timed
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until
from workshop.lessons.scaling_under_load import experiments as scaling
from workshop.load import Load, Stage
from workshop.notebook import deployments, pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes import kubectl

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api


def start(runs: int) -> None:
    """Measure `workshop up` from an empty folder, after `down`, and on a running stack."""
    first, after_down, again = [], [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            env = {**os.environ, "WORKSHOP_STATE": folder, "WORKSHOP_BACKEND": "local"}
            try:
                first.append(timed(env, "up", "--no-lab"))
                again.append(timed(env, "up", "--no-lab"))
                timed(env, "down")
                after_down.append(timed(env, "up", "--no-lab"))
            finally:
                timed(env, "reset")
    print(f"up: brokers, three nodes ready, services ready, from an empty folder: {spread(first)}")
    print(f"up after down: {spread(after_down)}\nup on the running stack: {spread(again)}")


def stack(settings: Settings, runs: int, seconds: float = 60) -> None:
    """Print the memory of the stack without JupyterLab, and its idle processor time in `runs` intervals."""
    minutes = [_idle(settings, seconds) for _ in range(runs)]
    memory: dict[str, float] = {}
    for process, name in _processes(settings):
        with contextlib.suppress(psutil.Error):
            memory[name] = memory.get(name, 0.0) + process.memory_full_info().pss / 1e6
    for name in sorted(memory):
        print(
            f"{name:16} {memory[name]:7.0f} MB PSS  {spread([busy.get(name, 0.0) for busy in minutes], '% of a core')}"
        )
    print(
        f"in all: {sum(memory.values()):.0f} MB PSS, {spread([sum(busy.values()) for busy in minutes], '% of a core', 1)}"
    )


def _idle(settings: Settings, seconds: float) -> dict[str, float]:
    """Return the CPU usage of each component over `seconds`, in percent of a core."""
    ours = _processes(settings)
    before = [sum(process.cpu_times()[:2]) for process, _ in ours]
    time.sleep(seconds)
    busy: dict[str, float] = {}
    for (process, name), taken in zip(ours, before, strict=True):
        with contextlib.suppress(psutil.Error):
            busy[name] = busy.get(name, 0.0) + (sum(process.cpu_times()[:2]) - taken) / seconds * 100
    return busy


def _processes(settings: Settings) -> list[tuple[psutil.Process, str]]:
    from workshop.base.processes import Processes

    found = []
    for name, process in Processes(settings.state).running().items():
        if name != "lab":
            below = process.children(recursive=True)
            found += [(process, name)] + [(one, _role(one, name)) for one in below]
    return found


def _role(process: psutil.Process, name: str) -> str:
    words = " ".join(process.cmdline())
    return f"pod {words.partition('services.')[2].split()[0]}" if "services." in words else name


def seconds_until(condition: Callable[[], bool], what: str, timeout: float = 120) -> float:
    """Return the seconds until a condition is true."""
    began = time.perf_counter()
    wait_until(condition, timeout, what, every=0.02)
    return time.perf_counter() - began


def measure_pods(ws: Connection, runs: int) -> None:
    """Measure scaling, replacement of a pod, a lost node, and the autoscaler; print the figures."""
    api = pods.core(ws)
    found: dict[str, list[float]] = {}

    def note(what: str, seconds: float) -> None:
        found.setdefault(what, []).append(seconds)
        print(f"  {what}: {seconds:.2f} s", flush=True)

    try:
        for _ in range(runs):
            kubectl.apply(ws.settings, [deployment("bench", WEB, 2)])
            wait_until(lambda: ready(api, "bench", 2), 120, "two pods")
            kubectl.kubectl(ws.settings, "scale", "deployment/bench", "--replicas=20")
            note("kubectl scale 2 to 20, all ready", seconds_until(lambda: ready(api, "bench", 20), "20 pods"))
            kubectl.kubectl(ws.settings, "scale", "deployment/bench", "--replicas=6")
            wait_until(lambda: _count(api) == 6, 120, "six pods")
            victim = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items[0].metadata
            assert victim
            assert victim.name
            api.delete_namespaced_pod(victim.name, kubectl.NAMESPACE, grace_period_seconds=0)
            gone = frozenset({victim.name})
            note(
                "a killed pod replaced and ready",
                seconds_until(partial(ready, api, "bench", 6, gone), "its successor"),
            )
            if ws.backend == "local":
                note("a lost node's pods ready elsewhere", _lose_a_node(ws, api))
    finally:
        kubectl.kubectl(ws.settings, "delete", "deployment", "bench", "--ignore-not-found")
    for _ in range(runs):
        note("autoscaler: from the start of the load to the first new pod ready", _autoscaler(ws))
    for what, seconds in found.items():
        print(f"{what}: {spread(seconds)}")


def _count(api: CoreV1Api) -> int:
    return len(api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items)


def _lose_a_node(ws: Connection, api: CoreV1Api) -> float:
    found = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items
    nodes = {pod.metadata.name: pod.spec.node_name for pod in found if pod.metadata and pod.spec and pod.metadata.name}
    node = nodes[next(iter(nodes))]
    assert node is not None  # all pods are ready
    there = frozenset(name for name, its_node in nodes.items() if its_node == node)
    try:
        ws.nodes.lose(node)
        return seconds_until(lambda: ready(api, "bench", 6, there), "the pods elsewhere")
    finally:
        ws.nodes.restore()


def _autoscaler(ws: Connection) -> float:
    api = scaling.ensure(ws)
    scaling.autoscaler(ws, 1, 4, 60)
    try:
        # Wait until the CPU usage of the start is no longer in the metrics, so that the load causes the scaling.
        wait_until(lambda: len(pods.pods(api, scaling.APP)) == 1 and _busy(ws) < 20, 180, "one idle pod", every=0.5)
        with Load(ws.settings, ws.payments, [Stage(90, 40)]):
            return seconds_until(
                lambda: sum(pod.state == "ready" for pod in pods.pods(api, scaling.APP)) >= 2, "more pods", 90
            )
    finally:
        scaling.no_autoscaler(ws)
        scaling.restore(ws)


def _busy(ws: Connection) -> float:
    """Return the CPU utilization in the autoscaler's status, in percent of the request."""
    told = kubectl.get(ws.settings, "horizontalpodautoscaler", "payments")["status"].get("currentMetrics") or []
    seen = [one["resource"]["current"].get("averageUtilization") for one in told if "resource" in one]
    return seen[0] if seen and seen[0] is not None else float("inf")


def lesson(ws: Connection) -> None:
    """Print the figures of lesson 08: response times by replicas and load, and the decrease of the lag."""
    api = scaling.ensure(ws)
    with contextlib.redirect_stdout(io.StringIO()):
        measured = scaling.measure(ws, api)
        fallen = scaling.scale_consumers(ws, api)
    scaling.restore(ws)
    print(measured.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    for count, rows in fallen.groupby("replicas", sort=False):
        late = rows[rows["at"] > rows["at"].min() + 3]
        slope = (late["lag"].iloc[0] - late["lag"].iloc[-1]) / (late["at"].iloc[-1] - late["at"].iloc[0])
        print(f"{count} replicas of debits: {slope:.0f} payments/s worked off")
    deployments.restore(ws)


def main() -> None:
    """Run the requested measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("start", "stack", "pods", "lesson"))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if options.what == "start":
        start(options.runs)
        return
    ws = workshop.connect()
    actions = {
        "stack": lambda: stack(ws.settings, options.runs),
        "pods": lambda: measure_pods(ws, options.runs),
        "lesson": lambda: lesson(ws),
    }
    actions[options.what]()


if __name__ == "__main__":
    main()
