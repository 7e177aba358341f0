"""Data of processes from /proc, read with as few system calls as possible because they are read often."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """A process: its parent's id, and the CPU seconds of itself and of its ended children."""

    parent: int
    cpu_seconds: float


class Listener(NamedTuple):
    """A listening TCP socket: its address (IPv4 for an IPv4-mapped one), port, and inode."""

    address: str
    port: int
    inode: str


LISTENS = "0A"  # the state TCP_LISTEN (include/net/tcp_states.h)


def numbers() -> set[int]:
    """Return the ids of all processes."""
    return {int(entry) for entry in os.listdir("/proc") if entry.isdigit()}


def process(number: int) -> Process | None:
    """Return parent and CPU seconds of a process, or None if it has ended."""
    # After the name, which can contain any character: state, parent, ... and the times as 12th to 15th field.
    fields = _read(number, "stat").rpartition(b")")[2].split()
    if len(fields) < 15:
        return None
    return Process(int(fields[1]), sum(map(int, fields[11:15])) / TICKS)


def own_memory(number: int) -> int:
    """Return the private memory of a process in bytes: resident, without shared and file-backed pages."""
    fields = _read(number, "statm").split()
    return (int(fields[1]) - int(fields[2])) * PAGE if len(fields) > 2 else 0


def variable(number: int, name: str) -> str:
    """Return a variable of a process's initial environment.

    It is empty if it is not set or the process is another user's.
    """
    start = f"{name}=".encode()
    found = (one for one in _read(number, "environ", 1 << 20).split(b"\0") if one.startswith(start))
    return next(found, b"")[len(start) :].decode(errors="replace")


def name(number: int) -> str:
    """Return the program name of a process; empty if it has ended."""
    return _read(number, "comm").decode(errors="replace").strip()


def sockets(number: int) -> set[str]:
    """Return the inodes of a process's sockets; empty if it has ended or is another user's."""
    found = set()
    with suppress(OSError):
        for descriptor in os.scandir(f"/proc/{number}/fd"):
            with suppress(OSError):
                kind, _, inode = os.readlink(descriptor.path).partition(":")
                if kind == "socket":
                    found.add(inode.strip("[]"))
    return found


def listeners() -> list[Listener]:
    """Return all listening TCP sockets of this machine, of all users."""
    found = []
    for table in ("tcp", "tcp6"):
        with suppress(OSError), open(f"/proc/self/net/{table}") as file:
            rows = (line.split() for line in file)
            found += [_listener(row[1], row[9]) for row in rows if len(row) > 9 and row[3] == LISTENS]
    return found


def _listener(local: str, inode: str) -> Listener:
    """Parse `0100007F:1F90` as 127.0.0.1 and 8080.

    The kernel writes an address as words in the machine's byte order.
    """
    words, _, port = local.partition(":")
    raw = b"".join(int(words[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(words), 8))
    address = IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return Listener(str(mapped or address), int(port, 16), inode)


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
