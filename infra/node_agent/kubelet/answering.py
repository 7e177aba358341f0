"""Check that a pod's own program answers its probes: pods without Docker share the machine's ports.

A program that binds all addresses (0.0.0.0) is reached at the address of any pod. Without this check, a pod whose port is in
use by such a program would count as ready, because that program answers its probe.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from node_agent.kubelet.probes import port_of
from node_agent.kubelet.taken_ports import EVERY_ADDRESS, holder, named
from node_agent.processes import proc

REFUSED = "connection refused"


class Pod(Protocol):
    """The part of a pod that `Answering` needs."""

    @property
    def address(self) -> str:
        """Return the address at which the pod's processes listen."""

    def owns(self, process: int) -> bool:
        """Return whether a process belongs to one of the pod's containers."""

    def owner(self, process: int) -> str:
        """Return the owner of a process, for a message."""


class Answering:
    """Checks the answers to one probe during one attempt of a container."""

    def __init__(self, pod: Pod, probe: dict, ports: dict[str, int]) -> None:
        self._pod = pod
        self._action = probe.get("httpGet") or probe.get("tcpSocket") or {}
        self._ports = ports
        self._known = False  # the pod's own program answers; it keeps its port until it ends

    async def judged(self, sentence: str) -> str:
        """Return the result of a probe (empty for a success), with a finding from the sockets appended."""
        refused = REFUSED in sentence
        if not self._action or self._action.get("host") or (self._known if not sentence else not refused):
            return sentence
        found = await asyncio.to_thread(self._hint if refused else self._stranger, self._port())
        self._known = not sentence and not found
        return sentence + found

    def _port(self) -> int:
        return port_of(self._action["port"], self._ports)

    def _stranger(self, port: int) -> str:
        """Name the program that answers instead of the pod; empty if the pod answers."""
        listening = [one for one in proc.listeners() if one.port == port]
        if any(one.address == self._pod.address for one in listening):
            return ""
        found = [holder(one.inode) for one in listening if one.address in EVERY_ADDRESS]
        if not found or any(process and self._pod.owns(process) for process in found):
            return ""
        return f"port {port} is answered by {named(found[0], self._pod.owner)}, not by this pod"

    def _hint(self, port: int) -> str:
        """Return the other address at which the pod's program listens, if there is one."""
        for one in proc.listeners():
            process = holder(one.inode) if one.port == port else None
            if process and self._pod.owns(process):
                return f" (its program listens at {one.address} only; a pod is asked at its own address, {self._pod.address})"
        return ""
