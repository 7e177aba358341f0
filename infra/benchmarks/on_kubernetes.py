"""What Kubernetes costs here, and how fast it is: the same program for both backends, on the running stack.

Usage: .venv/bin/python infra/benchmarks/on_kubernetes.py start [--runs N]    `workshop up` on stacks of its own (local)
       .venv/bin/python infra/benchmarks/on_kubernetes.py stack               memory and idle processor time of this stack
       .venv/bin/python infra/benchmarks/on_kubernetes.py pods [--runs N]     scaling, replacing, a lost node, the autoscaler
       .venv/bin/python infra/benchmarks/on_kubernetes.py balancer [--runs N] a Service against a pod's own address (local)
       .venv/bin/python infra/benchmarks/on_kubernetes.py lesson              lesson 08's figures

Each figure is a median with minimum and maximum. `pods` counts from the command to the last pod's readiness, as the API tells
it. On kind a lost node is waited for as long as Kubernetes' own defaults say, so that it is left out there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import psutil
import workshop
from workshop import kubectl, pods
from workshop.connection import Connection
from workshop.lessons import microservices_on_kubernetes as services
from workshop.lessons import scaling_under_load as scaling
from workshop.load import Load, Stage
from workshop.settings import Settings
from workshop.waiting import wait_until

WEB = """
import http.server, os
class Quick(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Quick).serve_forever()
"""
FAST = """
import asyncio, os, uvloop
class Quick(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data):
        count = data.count(b"\\r\\n\\r\\n")
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok" * count)
async def main():
    server = await asyncio.get_running_loop().create_server(Quick, os.environ["POD_IP"], 8080, backlog=512)
    await server.serve_forever()
uvloop.run(main())
"""


def spread(numbers: list[float], unit: str = "s") -> str:
    """Median, and from where to where."""
    return f"{statistics.median(numbers):.2f} {unit} ({min(numbers):.2f} to {max(numbers):.2f}), {len(numbers)} runs"


def timed(env: dict[str, str], *words: str) -> float:
    """Seconds that the command `workshop` takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "workshop.cli", *words], env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def start(runs: int) -> None:
    """`workshop up` from nothing, after `down`, and on a running stack."""
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


def stack(settings: Settings, seconds: float = 60) -> None:
    """What the whole stack takes, JupyterLab apart: memory, and processor time while nothing happens."""
    ours = _processes(settings)
    before = {process: sum(process.cpu_times()[:2]) for process, _ in ours}
    time.sleep(seconds)
    rows: dict[str, list[float]] = {}
    for process, name in ours:
        with contextlib.suppress(psutil.Error):
            row = rows.setdefault(name, [0.0, 0.0])
            row[0] += process.memory_full_info().pss / 1e6
            row[1] += (sum(process.cpu_times()[:2]) - before[process]) / seconds * 100
    for name, (memory, busy) in sorted(rows.items()):
        print(f"{name:16} {memory:7.0f} MB PSS  {busy:5.2f} % of a core")
    total = [sum(row[i] for row in rows.values()) for i in (0, 1)]
    print(f"{'in all':16} {total[0]:7.0f} MB PSS  {total[1]:5.2f} % of a core, idle for {seconds:g} s")


def _processes(settings: Settings) -> list[tuple[psutil.Process, str]]:
    from workshop.processes import Processes

    found = []
    for name, process in Processes(settings.state).running().items():
        if name != "lab":
            below = process.children(recursive=True)
            found += [(process, name)] + [(one, _role(one, name)) for one in below]
    return found


def _role(process: psutil.Process, name: str) -> str:
    words = " ".join(process.cmdline())
    return f"pod {words.partition('services.')[2].split()[0]}" if "services." in words else name


def deployment(name: str, program: str, replicas: int) -> dict:
    """A Deployment of small HTTP servers."""
    labels = {"app": name}
    container = {
        "name": "web",
        "image": "workshop/services:1",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", program],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}},
    }
    pod = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": kubectl.NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def ready(api, name: str, count: int, without: frozenset[str] = frozenset()) -> bool:
    """Whether so many pods are ready, none of which is one of `without`."""
    found = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector=f"app={name}").items
    good = [
        pod.metadata.name
        for pod in found
        if not pod.metadata.deletion_timestamp
        and any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or [])
    ]
    return len(good) >= count and not without & set(good)


def seconds_until(condition: Callable[[], bool], what: str, timeout: float = 120) -> float:
    """How long it takes from now on."""
    began = time.perf_counter()
    wait_until(condition, timeout, what, every=0.02)
    return time.perf_counter() - began


def measure_pods(ws: Connection, runs: int) -> None:
    """Scaling, replacing, a lost node, the autoscaler."""
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
            victim = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items[0].metadata.name
            api.delete_namespaced_pod(victim, kubectl.NAMESPACE, grace_period_seconds=0)
            gone = frozenset({victim})
            note(
                "a killed pod replaced and ready",
                seconds_until(lambda gone=gone: ready(api, "bench", 6, gone), "its successor"),
            )
            if ws.backend == "local":
                note("a lost node's pods ready elsewhere", _lose_a_node(ws, api))
    finally:
        kubectl.kubectl(ws.settings, "delete", "deployment", "bench", "--ignore-not-found")
    for _ in range(runs):
        note("autoscaler: from the load's begin to the first new pod ready", _autoscaler(ws))
    for what, seconds in found.items():
        print(f"{what}: {spread(seconds)}")


def _count(api) -> int:
    return len(api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items)


def _lose_a_node(ws: Connection, api) -> float:
    found = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items
    node = found[0].spec.node_name
    there = frozenset(pod.metadata.name for pod in found if pod.spec.node_name == node)
    try:
        ws.nodes.lose(node)
        return seconds_until(lambda: ready(api, "bench", 6, there), "the pods elsewhere")
    finally:
        ws.nodes.restore()


def _autoscaler(ws: Connection) -> float:
    api = scaling.ensure(ws)
    scaling.autoscaler(ws, 1, 4, 60)
    try:
        # What the pods took while they started is forgotten first: it must be the load that is answered.
        wait_until(lambda: len(pods.pods(api, scaling.APP)) == 1 and _busy(ws) < 20, 180, "one idle pod", every=0.5)
        with Load(ws.settings, ws.payments, [Stage(90, 40)]):
            return seconds_until(
                lambda: sum(pod.state == "ready" for pod in pods.pods(api, scaling.APP)) >= 2, "more pods", 90
            )
    finally:
        scaling.no_autoscaler(ws)
        scaling.restore(ws)


def _busy(ws: Connection) -> float:
    """How busy the autoscaler sees the pods, in per cent of what they request."""
    told = kubectl.get(ws.settings, "horizontalpodautoscaler", "payments")["status"].get("currentMetrics") or []
    seen = [one["resource"]["current"].get("averageUtilization") for one in told if "resource" in one]
    return seen[0] if seen and seen[0] is not None else float("inf")


async def _drive(host: str, port: int, connections: int, seconds: float) -> tuple[float, float, float]:
    """Requests a second, median and 99th percentile (ms), on connections that are kept."""
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"ok")
            times.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    times.sort()
    return len(times) / seconds, 1000 * times[len(times) // 2], 1000 * times[int(len(times) * 0.99)]


def balancer(ws: Connection, runs: int) -> None:
    """The balancer beside a direct connection, in turn."""
    import uvloop
    from workshop.controlplane.addresses import Addresses

    api = pods.core(ws)
    about = {"name": "bench", "namespace": kubectl.NAMESPACE}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": about,
        "spec": {"selector": {"app": "bench"}, "ports": [{"port": 8080}]},
    }
    first = int(ws.payments.rpartition(":")[2])
    try:
        kubectl.apply(ws.settings, [deployment("bench", FAST, 3), service])
        wait_until(lambda: ready(api, "bench", 3), 120, "three pods")
        to_loopback = Addresses(first - 15).to_loopback
        pod = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items[0].status.pod_ip
        cluster_ip = api.read_namespaced_service("bench", kubectl.NAMESPACE).spec.cluster_ip
        rows: dict[str, list[tuple]] = {"a pod itself": [], "through the Service": []}
        for _ in range(runs):
            for name, address in zip(rows, (pod, cluster_ip), strict=True):
                rows[name].append(uvloop.run(_drive(to_loopback(address), 8080, 16, 5)))
    finally:
        kubectl.kubectl(ws.settings, "delete", "deployment,service", "bench", "--ignore-not-found")
    for name, measured in rows.items():
        rate, middle, worst = (statistics.median(values) for values in zip(*measured, strict=True))
        rates = [values[0] for values in measured]
        print(
            f"{name}: {rate:,.0f} requests/s ({min(rates):,.0f} to {max(rates):,.0f}), "
            f"median {middle:.2f} ms, p99 {worst:.2f} ms, 16 connections, {runs} runs"
        )


def lesson(ws: Connection) -> None:
    """Lesson 08: response times by replicas and load, and how fast the lag falls."""
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
    services.restore(ws)


def main() -> None:
    """Run one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("start", "stack", "pods", "balancer", "lesson"))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if options.what == "start":
        start(options.runs)
        return
    ws = workshop.connect()
    actions = {
        "stack": lambda: stack(ws.settings),
        "pods": lambda: measure_pods(ws, options.runs),
        "balancer": lambda: balancer(ws, options.runs),
        "lesson": lambda: lesson(ws),
    }
    actions[options.what]()


if __name__ == "__main__":
    main()
