"""What compiling the control plane from nothing takes: time, memory and disk. Everything is downloaded anew.

Usage: .venv/bin/python infra/benchmarks/compile.py

Memory is what all processes of the build hold for themselves at once, at most. Files that the linker maps into its memory
come on top while there is room for them; the system takes that room back when others need it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from pathlib import Path

import psutil
from node_agent.processes import proc
from workshop.base.settings import Settings
from workshop.stack.kubernetes.controlplane import build


class Memory(threading.Thread):
    """Looks every 0.2 s at what the processes that this one started hold."""

    def __init__(self) -> None:
        """Not started yet."""
        super().__init__(daemon=True)
        self.own = self.resident = 0
        self.ended = threading.Event()

    def run(self) -> None:
        """Until it is told to end."""
        while not self.ended.wait(0.2):
            below = psutil.Process().children(recursive=True)
            self.own = max(self.own, sum(proc.own_memory(process.pid) for process in below))
            self.resident = max(self.resident, *(_resident(process) for process in below), 0)


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def main() -> None:
    """Build, and print what it took."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = Settings.load(
            {**os.environ, "WORKSHOP_CACHE": f"{folder}/cache", "WORKSHOP_STATE": f"{folder}/state"}
        )
        memory, began = Memory(), time.perf_counter()
        memory.start()
        try:
            program = build.build(settings)
        finally:
            memory.ended.set()
        took = time.perf_counter() - began
        disk = sum(file.lstat().st_blocks * 512 for file in Path(folder).rglob("*"))
        print(f"from nothing to the program of {program.stat().st_size / 1e6:.0f} MB: {took:.0f} s")
        print(f"memory of all processes' own, at most: {memory.own / 1e9:.2f} GB")
        print(f"the largest process with the files that it maps: {memory.resident / 1e9:.2f} GB")
        print(f"disk after it: {disk / 1e9:.1f} GB")


if __name__ == "__main__":
    main()
