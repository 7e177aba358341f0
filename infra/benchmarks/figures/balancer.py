"""Overhead of the balancer of the backend `local`: requests through a Service and to a pod's own address, alternately.

Measured for 5 seconds each, on 16 persistent connections.
"""

from __future__ import annotations

import asyncio
import time

import uvloop
import workshop
from workshop.base.addresses import Addresses
from workshop.base.waiting import wait_until
from workshop.notebook import pods
from workshop.stack.kubernetes import kubectl

from benchmarks.bench_pods import deployment, ready
from benchmarks.measuring import Values

STACK = "running"
RUNS = 5
WAYS = ("pod", "Service")
FIGURES = {
    f"{way}: {figure}": unit
    for way in WAYS
    for figure, unit in {"rate": "requests/s", "median": "ms", "p99": "ms"}.items()
}

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


async def _drive(host: str, port: int, connections: int, seconds: float) -> tuple[float, float, float]:
    """Return requests per second, median and 99th percentile (ms), on persistent connections."""
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


def measure(run: int) -> Values:
    """Measure a direct connection, then one through the Service."""
    ws = workshop.connect()
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
        pod = api.list_namespaced_pod(kubectl.NAMESPACE, label_selector="app=bench").items[0]
        service_now = api.read_namespaced_service("bench", kubectl.NAMESPACE)
        assert pod.status
        assert pod.status.pod_ip
        assert service_now.spec
        assert service_now.spec.cluster_ip
        for way, address in zip(WAYS, (pod.status.pod_ip, service_now.spec.cluster_ip), strict=True):
            driven = uvloop.run(_drive(to_loopback(address), 8080, 16, 5))
            yield from zip((name for name in FIGURES if name.startswith(way)), driven, strict=True)
    finally:
        kubectl.kubectl(ws.settings, "delete", "deployment,service", "bench", "--ignore-not-found")
