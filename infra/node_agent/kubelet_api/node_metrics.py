"""CPU and memory usage of a node's containers, in the two formats of a kubelet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from node_agent.metrics.usage import Sampler, Usage
from node_agent.model import RunningPod

Found = list[tuple[RunningPod, dict[str, Usage]]]  # pods, and the usage of their containers by name

_SERIES = {
    "node_cpu_usage_seconds_total": ("counter", "Cumulative cpu time consumed by the node in core-seconds"),
    "node_memory_working_set_bytes": ("gauge", "Current working set of the node in bytes"),
    "container_start_time_seconds": ("gauge", "Start time of the container since unix epoch in seconds"),
    "container_cpu_usage_seconds_total": ("counter", "Cumulative cpu time consumed by the container in core-seconds"),
    "container_memory_working_set_bytes": ("gauge", "Current working set of the container in bytes"),
    "pod_cpu_usage_seconds_total": ("counter", "Cumulative cpu time consumed by the pod in core-seconds"),
    "pod_memory_working_set_bytes": ("gauge", "Current working set of the pod in bytes"),
    "resource_scrape_error": ("gauge", "1 if there was an error while getting container metrics, 0 otherwise"),
}


def found(pods: Sequence[RunningPod], sampler: Sampler | None) -> Found:
    """Return the measured usage of these pods."""
    measured = [(pod, _usages(pod, sampler)) for pod in pods] if sampler else []
    return [(pod, usages) for pod, usages in measured if usages]


def prometheus(pods: Found) -> str:
    """Return the text of `/metrics/resource`."""
    values: dict[str, list[str]] = {name: [] for name in _SERIES}
    for name, labels, value, at in _values(pods):
        shown = ",".join(f'{key}="{text}"' for key, text in labels.items())
        values[name].append(f"{name}{{{shown}}}" if labels else name)
        values[name][-1] += f" {value!r}" + (f" {round(at * 1000)}" if at else "")
    lines = []
    for name, (kind, text) in _SERIES.items():
        if values[name]:
            lines += [f"# HELP {name} [STABLE] {text}", f"# TYPE {name} {kind}", *values[name]]
    return "\n".join(lines) + "\n"


def summary(node: str, pods: Found) -> dict:
    """Return the body of `/stats/summary`, with CPU and memory only."""
    everything = [usage for _, usages in pods for usage in usages.values()]
    return {
        "node": {"nodeName": node, **_stats(everything)},
        "pods": [
            {
                "podRef": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
                "containers": [
                    {"name": name, "startTime": _time(pod.containers[name].started), **_stats([usage])}
                    for name, usage in usages.items()
                ],
                **_stats(list(usages.values())),
            }
            for pod, usages in pods
        ],
    }


def _usages(pod: RunningPod, sampler: Sampler) -> dict[str, Usage]:
    return {name: usage for name in pod.containers if (usage := sampler.of(pod.uid, name))}


def _values(pods: Found) -> Iterator[tuple[str, dict[str, str], float, float]]:
    """Yield name, labels, value, and time in seconds or 0."""
    everything = [usage for _, usages in pods for usage in usages.values()]
    yield from _cpu_and_memory("node", {}, everything)
    for pod, usages in pods:
        about = {"pod": pod.name, "namespace": pod.namespace}
        for name, usage in usages.items():
            labels = {"container": name, **about}
            yield "container_start_time_seconds", labels, pod.containers[name].started, 0
            yield from _cpu_and_memory("container", labels, [usage])
        yield from _cpu_and_memory("pod", about, list(usages.values()))
    yield "resource_scrape_error", {}, 0, 0


def _cpu_and_memory(
    whose: str, labels: dict[str, str], usages: list[Usage]
) -> Iterator[tuple[str, dict[str, str], float, float]]:
    at = max((usage.at for usage in usages), default=0)
    yield f"{whose}_cpu_usage_seconds_total", labels, round(sum(usage.cpu_seconds for usage in usages), 3), at
    yield f"{whose}_memory_working_set_bytes", labels, sum(usage.memory for usage in usages), at


def _stats(usages: list[Usage]) -> dict:
    at = max((usage.at for usage in usages), default=datetime.now(UTC).timestamp())
    return {
        "cpu": {
            "time": _time(at),
            "usageNanoCores": round(sum(usage.cores for usage in usages) * 1e9),
            "usageCoreNanoSeconds": round(sum(usage.cpu_seconds for usage in usages) * 1e9),
        },
        "memory": {"time": _time(at), "workingSetBytes": sum(usage.memory for usage in usages)},
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
