"""Artificial load for `--busy`: computing processes and a disk writer beside the suite."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROCESSES = 6
BUSY = "while True: pass"
WRITER = """
import os, sys
while True:
    with open(sys.argv[1], "wb", buffering=0) as file:
        for _ in range(64):
            file.write(os.urandom(1 << 20))
            os.fsync(file.fileno())
"""


@contextmanager
def machine(folder: Path) -> Iterator[None]:
    """Keep the machine busy: six processes compute, and one writes 64 MB repeatedly.

    Each megabyte is forced to the disk.
    """
    commands = [[sys.executable, "-c", BUSY]] * PROCESSES
    commands.append([sys.executable, "-c", WRITER, str(folder / "written-for-load")])
    started = [subprocess.Popen(command) for command in commands]
    try:
        yield
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()
        (folder / "written-for-load").unlink(missing_ok=True)
