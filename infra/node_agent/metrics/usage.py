"""CPU and memory usage of running containers, sampled periodically."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from node_agent.kubelet.pod import MARK
from node_agent.model import Registry, RunningContainer
from node_agent.processes import proc

EVERY = 2.5  # seconds
WINDOW = 10.0  # seconds over which CPU is averaged
SHORTEST = 0.5  # seconds; a shorter window gives no meaningful CPU figure
STRANGE_AFTER = 10.0  # seconds; a process without a container for this time is not checked again

Owner = tuple[str, str]  # uid of the pod, name of the container


@dataclass(frozen=True)
class Usage:
    """CPU and memory usage of a container.

    Attributes:
        cores: CPU seconds per second, over the last `window` seconds.
        memory: private memory of its processes in bytes: resident, without shared and file-backed pages.
        cpu_seconds: CPU seconds since the start of this attempt.
        at: time of the measurement, in seconds since 1970.
    """

    cores: float
    memory: int
    cpu_seconds: float
    window: float
    at: float


@dataclass
class _Series:
    """Samples of one attempt of a container: time of the monotonic clock, CPU seconds."""

    pid: int
    points: deque[tuple[float, float]]
    lost: float = 0.0  # CPU seconds of ended processes for which no parent has waited
    memory: int = 0
    at: float = field(default_factory=time.time)

    def add(self, now: float, cpu_seconds: float, memory: int) -> None:
        last = self.points[-1][1] if self.points else 0.0
        self.lost += max(0.0, last - (cpu_seconds + self.lost))
        self.points.append((now, cpu_seconds + self.lost))
        while len(self.points) > 2 and now - self.points[0][0] > WINDOW + EVERY / 2:
            self.points.popleft()
        self.memory, self.at = memory, time.time()

    def usage(self) -> Usage | None:
        if len(self.points) < 2:
            return None
        (began, first), (ended, last) = self.points[0], self.points[-1]
        window = ended - began
        if window < SHORTEST:
            return None
        return Usage((last - first) / window, self.memory, last, window, self.at)


class Sampler:
    """Samples the processes of all pods every 2.5 s.

    The owner of a process is determined once, when it is new: by the pod's mark in its environment, or by its parent. Each
    sample then reads the processes of pods only.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._series: dict[Owner, _Series] = {}
        self._owners: dict[int, Owner] = {}
        self._strangers: set[int] = set()
        self._unknown: dict[int, float] = {}  # processes without an owner so far, and the time of their first sample

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(EVERY)

    def of(self, uid: str, container: str) -> Usage | None:
        """Return the usage of a container; None if it does not run or has no samples yet."""
        series = self._series.get((uid, container))
        return series.usage() if series else None

    def sample(self) -> None:
        """Take one sample."""
        running = {
            (pod.uid, name): container
            for pod in self._registry.pods()
            for name, container in pod.containers.items()
            if container.pid
        }
        self._find_owners({container.pid: owner for owner, container in running.items() if container.pid})
        cpu, memory = self._sums()
        now = time.monotonic()
        self._series = {owner: self._series_of(owner, container, now) for owner, container in running.items()}
        for owner, series in self._series.items():
            if owner in cpu:
                series.add(now, cpu[owner], memory[owner])

    def _series_of(self, owner: Owner, container: RunningContainer, now: float) -> _Series:
        series = self._series.get(owner)
        if series and series.pid == container.pid:
            return series
        age = time.time() - container.started
        assert container.pid is not None  # `sample` passes running containers only
        # A new container is measured from its start, so that its first sample already gives a usage.
        return _Series(container.pid, deque([(now - age, 0.0)] if 0 <= age < WINDOW else []))

    def _sums(self) -> tuple[dict[Owner, float], dict[Owner, int]]:
        cpu: dict[Owner, float] = {}
        memory: dict[Owner, int] = {}
        for number, owner in self._owners.items():
            if found := proc.process(number):
                cpu[owner] = cpu.get(owner, 0.0) + found.cpu_seconds
                memory[owner] = memory.get(owner, 0) + proc.own_memory(number)
        return cpu, memory

    def _find_owners(self, leaders: dict[int, Owner]) -> None:
        numbers, now = proc.numbers(), time.monotonic()
        self._strangers &= numbers
        self._strangers -= leaders.keys()
        self._owners = {number: owner for number, owner in self._owners.items() if number in numbers} | leaders
        new = numbers - self._strangers - self._owners.keys()
        self._unknown = {number: self._unknown.get(number, now) for number in new}
        for number in sorted(new):  # parents are mostly older, and come first
            if owner := self._owner_of(number):
                self._owners[number] = owner
            elif now - self._unknown[number] > STRANGE_AFTER:
                self._strangers.add(number)

    def _owner_of(self, number: int) -> Owner | None:
        uid, _, container = proc.variable(number, MARK).partition("/")
        if container:
            return uid, container
        found = proc.process(number)
        return self._owners.get(found.parent) if found else None
