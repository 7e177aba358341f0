"""What the parts of the node agent know of one another: its settings, and the shapes of a pod, a container and the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workshop.base.addresses import Addresses


@dataclass(frozen=True)
class Config:
    """What an agent is told; `Config.load()` reads it from a file.

    Attributes:
        api: the API server's address, `https://127.0.0.1:PORT`.
        folder: where Kubernetes keeps its files: certificates in `pki`, pods in `nodes/<node>/pods/<uid>`.
        root: the checkout.
        first_port: where the stack's block of ports begins; its addresses follow from that.
        kubelet_port: where each node's own API listens, on the node's address.
        metrics_port: where the metrics API listens.
        host_ports: ports of 127.0.0.1 that lead to a node port.
        nodes: the names of the nodes.
    """

    api: str
    folder: Path
    root: Path
    first_port: int
    kubelet_port: int
    metrics_port: int
    host_ports: dict[int, int]
    nodes: tuple[str, ...] = ("worker-1", "worker-2", "worker-3")

    @classmethod
    def load(cls, path: Path) -> Config:
        """Read a file that holds these fields as JSON."""
        read = json.loads(path.read_text())
        read |= {"folder": Path(read["folder"]), "root": Path(read["root"])}
        read["host_ports"] = {int(here): int(there) for here, there in read["host_ports"].items()}
        if "nodes" in read:
            read["nodes"] = tuple(read["nodes"])
        return cls(**read)

    @property
    def addresses(self) -> Addresses:
        """The stack's addresses."""
        return Addresses(self.first_port)

    def node_address(self, node: str) -> str:
        """The loopback address of a node."""
        return self.addresses.node(self.nodes.index(node) + 1)

    def to_loopback(self, ip: str) -> str:
        """Where the holder of an address really listens; see `Addresses`."""
        return self.addresses.to_loopback(ip)

    def pki(self, name: str) -> Path:
        """A certificate or a key."""
        return self.folder / "pki" / name


class RunningContainer(Protocol):
    """A container of a pod on one of the nodes.

    Attributes:
        pid: of its running process, the leader of a session of its own; None if it does not run.
        attempts: the log files of its attempts that are still on disk, oldest first; the last is the current one.
        started: when its current attempt began, in seconds since 1970.
        state: its `ContainerState`, as it stands in the pod's status.
    """

    name: str
    pid: int | None
    attempts: list[Path]
    started: float
    state: dict

    def ended(self) -> bool:
        """Whether its current attempt is over."""

    async def spawn(
        self, argv: list[str], *, stdin: int, stdout: int, stderr: int, tty: bool = False
    ) -> asyncio.subprocess.Process:
        """One more process with its variables and in its folder, in a session of its own.

        Args:
            tty: whether `stdin` is a terminal that this session is to have as its own.

        Raises:
            OSError: it cannot be started.
        """


class RunningPod(Protocol):
    """A pod on one of the nodes; its init containers are among its containers."""

    namespace: str
    name: str
    uid: str
    manifest: dict

    @property
    def node(self) -> str:
        """The name of its node."""

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, as they are now."""

    @property
    def containers(self) -> Mapping[str, RunningContainer]:
        """Its containers by name."""


class Registry(Protocol):
    """The pods of all nodes."""

    def pods(self, node: str | None = None) -> Sequence[RunningPod]:
        """Those of one node, or all."""

    def find(self, node: str | None, namespace: str, name: str) -> RunningPod | None:
        """One pod, if it is on this node, or on any; of several of that name, the one that does not leave."""


class Api(Protocol):
    """What one certificate may see and do."""

    async def get(self, path: str, **query: str) -> dict:
        """Read an object, or a list."""

    async def create(self, path: str, body: dict) -> dict:
        """Create an object in the collection `path`."""

    def watch(self, path: str, **query: str) -> AsyncIterator[tuple[str, dict]]:
        """List, then watch, for ever: (ADDED, MODIFIED or DELETED, object), and (SYNCED, {}) after each list."""
