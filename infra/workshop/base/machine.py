"""Load of this machine: whether it has processor and disk time left for a program that starts."""

from __future__ import annotations

import time

import psutil

IDLE = 0.1  # share of the processors' time below which they count as busy
DISK = 0.8  # share of a disk's busy time above which it counts as busy


class Load:
    """The load of the machine between two calls of `is_busy`."""

    def __init__(self) -> None:
        self._at, self._processors, self._disks = self._measure()

    def is_busy(self) -> bool:
        """Return whether processors or a disk were busy since the last call, at first since the creation."""
        before_at, before_processors, before_disks = self._at, self._processors, self._disks
        self._at, self._processors, self._disks = self._measure()
        idle, total = (now - before for now, before in zip(self._processors, before_processors, strict=True))
        if total > 0 and idle / total < IDLE:
            return True
        seconds = self._at - before_at
        return seconds > 0 and any(
            busy - before_disks.get(name, busy) > DISK * seconds for name, busy in self._disks.items()
        )

    @staticmethod
    def _measure() -> tuple[float, tuple[float, float], dict[str, float]]:
        """Return the time, the processors' idle and total time, and each disk's busy time, in seconds."""
        times = psutil.cpu_times()
        # Processes of low priority, such as a compilation in the background, yield at once: their time counts as idle.
        idle = times.idle + getattr(times, "nice", 0)
        counters = psutil.disk_io_counters(perdisk=True) or {}
        disks = {name: getattr(one, "busy_time", 0) / 1000 for name, one in counters.items()}
        whole = sum(times) - getattr(times, "guest", 0) - getattr(times, "guest_nice", 0)
        return time.monotonic(), (idle, whole), disks
