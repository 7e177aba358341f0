"""Ports that a container could not bind: pods without Docker share the machine's ports, as they share its network.

A program that binds the address of its pod (`POD_IP`) can use all ports. One that binds all addresses (0.0.0.0) blocks the
port for all others: the next one fails with "Address already in use", possibly only visible in its log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from node_agent.processes import proc
from node_agent.processes.log_tail import last_lines

EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - looked for, not bound
SOON = 60.0  # seconds: a program that ran longer, and printed nothing about a port, had its port
LINES = 40  # number of lines at the end of a container's log that are searched
IN_USE = re.compile(r"address (is )?(already )?in use|EADDRINUSE|port .{0,20}already (in use|taken)", re.IGNORECASE)
TIME = re.compile(r"\d{1,2}:\d{2}:\d{2}")
PORT = re.compile(
    r"(?:\bport\W{1,3}|[:\]]|', )(\d{1,5})\b", re.IGNORECASE
)  # port 80, 0.0.0.0:80, [::]:80, ('0.0.0.0', 80)


class Taken(NamedTuple):
    """A port, and the process that listens on it; None for a process of another user."""

    port: int
    process: int | None


def find(declared: Collection[int], own_address: str, log: Path, lived: float) -> list[Taken]:
    """Return the ports that a container could not bind, after it has ended.

    Args:
        declared: the ports of its manifest.
        own_address: the loopback address of its pod.
        log: its output. If a line reports an address in use, the port in this line counts, or else the declared ones, with
            any listener. Without such a line, only listeners on all addresses or on the pod's address count.
        lived: seconds from its start to its end.
    """
    complaints = [line for line in _end_of(log) if IN_USE.search(line)]
    if not complaints and lived > SOON:
        return []
    listening = proc.listeners()
    wanted = _named(complaints) & {one.port for one in listening} or set(declared)
    found: dict[int, proc.Listener] = {}
    for one in listening:
        excludes = one.address in (*EVERY_ADDRESS, own_address)
        if one.port in wanted and (excludes or (complaints and one.port not in found)):
            found[one.port] = one
    return [Taken(port, holder(one.inode)) for port, one in sorted(found.items())]


def sentence(taken: Taken, pod_of: Callable[[int], str]) -> str:
    """Return the message of an event about a taken port.

    Args:
        pod_of: returns the name of a process's pod; empty if it belongs to no pod.
    """
    holds = named(taken.process, pod_of)
    return (
        f"port {taken.port} is taken by {holds}: pods on nodes without Docker share this machine's ports. "
        "Let the program listen at the address of its pod (status.podIP) instead of 0.0.0.0, or on another port."
    )


def named(process: int | None, pod_of: Callable[[int], str]) -> str:
    """Return the name of a process in an event: its pod, or a program of this machine."""
    if not process:
        return "a program of another user"
    return pod_of(process) or f"the program {proc.name(process)} (pid {process})"


def holder(inode: str) -> int | None:
    """Return the process that owns a socket; None for a process of another user."""
    return next((number for number in sorted(proc.numbers()) if inode in proc.sockets(number)), None)


def _named(complaints: list[str]) -> set[int]:
    return {int(number) for line in complaints for number in PORT.findall(TIME.sub("", line))}


def _end_of(log: Path) -> list[str]:
    """Return the last lines of a container's log, without time, stream and tag."""
    start, _ = last_lines(log, LINES)
    try:
        with log.open("rb") as file:
            file.seek(start)
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line.split(" ", 3)[-1] for line in lines]
