"""Ports of a stack: one free block.

Callers choose a block under a lock, so that two checkouts do not choose the same.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.files import read_record
from workshop.base.settings import BLOCK, Ports, Settings

# Seconds to wait for another checkout that searches; it may be starting a stack on a busy machine.
LONGEST_SEARCH = 600.0


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int, timeout: float = 0.5) -> bool:
    """Return whether a server accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(timeout)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def first_of(file: Path) -> int | None:
    """Return the first port of the block that a file records; None if the file is missing or damaged."""
    first = read_record(file).get("first")
    return first if isinstance(first, int) and 1024 <= first <= 65535 - BLOCK else None


def free_block(settings: Settings, preferred: int | None = None, ours: Collection[int] = ()) -> Ports:
    """Return the first block whose ports are all free, the preferred one before any other.

    Args:
        preferred: the first port of the preferred block.
        ours: ports of the preferred block that the stack itself uses.

    Raises:
        WorkshopError: no block is free.
    """
    if preferred and all(port in ours or is_free(port) for port in Ports(preferred).all):
        return Ports(preferred)
    for first in settings.blocks():
        ports = Ports(first)
        if all(is_free(port) for port in ports.all):
            return ports
    raise WorkshopError(
        f"No block of {BLOCK} free ports was found from {settings.first_port} upwards.",
        "Set WORKSHOP_FIRST_PORT to the start of a range of free ports.",
    )
