"""Overhead of the balancer of the backend `local`: requests through a Service and to a pod's own address, alternately.

Usage, on a running stack: .venv/bin/python infra/benchmarks/balancer.py [--runs N]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

import uvloop
import workshop
from bench_pods import deployment, ready
from workshop.base.addresses import Addresses
from workshop.base.waiting import wait_until
from workshop.notebook import pods
from workshop.notebook.connection import Connection
from workshop.stack.kubernetes import kubectl

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


def balancer(ws: Connection, runs: int) -> None:
    """Measure the balancer and a direct connection alternately, and print the figures."""
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
        rows: dict[str, list[tuple]] = {"a pod itself": [], "through the Service": []}
        for _ in range(runs):
            for name, address in zip(rows, (pod.status.pod_ip, service_now.spec.cluster_ip), strict=True):
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


def main() -> None:
    """Run the benchmark on the running stack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    balancer(workshop.connect(), parser.parse_args().runs)


if __name__ == "__main__":
    main()
