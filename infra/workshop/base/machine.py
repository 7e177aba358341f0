"""Whether this machine has processor and disk time left for a program that starts."""

from __future__ import annotations

import time

import psutil

IDLE = 0.1  # share of the processors' time below which they count as busy
DISK = 0.8  # share of the time during which a disk was at work, above which it counts as busy


class Load:
    """The machine's load from one question to the next."""

    def __init__(self) -> None:
        self._at, self._processors, self._disks = self._measure()

    def is_busy(self) -> bool:
        """Return whether processors or a disk were busy since the last question (or since this object was made)."""
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
        """The time, the processors' idle and whole time, and each disk's busy time, in seconds."""
        times = psutil.cpu_times()
        # What runs at a low priority, such as a compilation in the background, gives way at once: that time is to be had.
        idle = times.idle + getattr(times, "nice", 0)
        counters = psutil.disk_io_counters(perdisk=True) or {}
        disks = {name: getattr(one, "busy_time", 0) / 1000 for name, one in counters.items()}
        whole = sum(times) - getattr(times, "guest", 0) - getattr(times, "guest_nice", 0)
        return time.monotonic(), (idle, whole), disks
