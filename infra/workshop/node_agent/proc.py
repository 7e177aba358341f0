"""What Linux tells of processes in /proc, read with as few system calls as can be: it is asked again and again."""

from __future__ import annotations

import os
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """A process: its parent's number, and the CPU seconds of itself and of its children that ended."""

    parent: int
    cpu_seconds: float


def numbers() -> set[int]:
    """The numbers of all processes."""
    return {int(entry) for entry in os.listdir("/proc") if entry.isdigit()}


def process(number: int) -> Process | None:
    """What a process is and took, or None if it has gone."""
    # After the name, which may hold anything: state, parent, ... and as 12th to 15th the times.
    fields = _read(number, "stat").rpartition(b")")[2].split()
    if len(fields) < 15:
        return None
    return Process(int(fields[1]), sum(map(int, fields[11:15])) / TICKS)


def own_memory(number: int) -> int:
    """Bytes that a process holds for itself: resident, less what it shares with files and with other processes."""
    fields = _read(number, "statm").split()
    return (int(fields[1]) - int(fields[2])) * PAGE if len(fields) > 2 else 0


def variable(number: int, name: str) -> str:
    """A variable of the environment with which a process was started; empty if it has none, or is another user's."""
    start = f"{name}=".encode()
    found = (one for one in _read(number, "environ", 1 << 20).split(b"\0") if one.startswith(start))
    return next(found, b"")[len(start) :].decode(errors="replace")


def _read(number: int, name: str, most: int = 4096) -> bytes:
    try:
        file = os.open(f"/proc/{number}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(file, most)
    except OSError:
        return b""
    finally:
        os.close(file)
