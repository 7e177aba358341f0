"""Prometheus metrics of the services that consume from Kafka, read at each scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Reader(Protocol):
    """A service that reads payments."""

    @property
    def tally(self) -> Counter:
        """Counts by the name of what was done."""

    @property
    def lag(self) -> Mapping[int, int]:
        """Partition to the number of payments that wait there."""

    @property
    def joined(self) -> bool:
        """Whether it is a member of its group."""


@dataclass(frozen=True, eq=False)  # a registry keeps collectors by identity
class Figures(Collector):
    """Metrics of a reader."""

    reader: Reader

    def collect(self) -> Iterable[Metric]:
        """Return the events by type, and the lag by partition."""
        events = CounterMetricFamily("events", "What it did with what it read, by type.", labels=["type"])
        for kind, count in dict(self.reader.tally).items():
            events.add_metric([kind.replace(" ", "_")], count)
        lag = GaugeMetricFamily("lag", "Payments that wait in a partition that it holds.", labels=["partition"])
        for partition, count in dict(self.reader.lag).items():
            lag.add_metric([str(partition)], count)
        return [events, lag]


def registry(reader: Reader) -> CollectorRegistry:
    """Return a registry with a reader's metrics and the memory and CPU time of the process."""
    registry = CollectorRegistry()
    registry.register(Figures(reader))
    ProcessCollector(registry=registry)
    return registry
