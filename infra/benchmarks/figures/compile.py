"""Compilation of the control plane from an empty cache: time, memory and disk space, with all downloads.

Memory is the maximum private memory of all processes of the build together. Files that the linker maps are not included: the
system reclaims their memory when other programs need it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from pathlib import Path

import psutil
from node_agent.processes import proc
from workshop.base.settings import Settings
from workshop.stack.kubernetes.controlplane import build

from benchmarks.measuring import Values, seconds

STACK = "none"
RUNS = 1
FIGURES = {"duration": "s", "program": "MB", "private memory": "GB", "largest process": "GB", "disk": "GB"}


class Memory(threading.Thread):
    """Measures the memory of this process's children every 0.2 s and keeps the maxima."""

    def __init__(self) -> None:
        """Initialize the thread; `start` starts it."""
        super().__init__(daemon=True)
        self.own = self.resident = 0
        self.ended = threading.Event()

    def run(self) -> None:
        """Measure until `ended` is set."""
        while not self.ended.wait(0.2):
            below = psutil.Process().children(recursive=True)
            self.own = max(self.own, sum(proc.own_memory(process.pid) for process in below))
            self.resident = max(self.resident, *(_resident(process) for process in below), 0)


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def measure(run: int) -> Values:
    """Compile from an empty cache."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = Settings.load(
            {**os.environ, "WORKSHOP_CACHE": f"{folder}/cache", "WORKSHOP_STATE": f"{folder}/state"}
        )
        memory, made = Memory(), []
        memory.start()
        try:
            yield "duration", seconds(lambda: made.append(build.build(settings)))
        finally:
            memory.ended.set()
        yield "program", made[0].stat().st_size / 1e6
        yield "private memory", memory.own / 1e9
        yield "largest process", memory.resident / 1e9
        yield "disk", sum(file.lstat().st_blocks * 512 for file in Path(folder).rglob("*")) / 1e9
