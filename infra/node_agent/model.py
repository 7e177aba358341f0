"""Settings of the node agent, and the protocols of its parts: container, pod, registry and API client."""

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
    """Settings of the agent; `Config.load()` reads them from a file.

    Attributes:
        api: the API server's address, `https://127.0.0.1:PORT`.
        folder: the folder of Kubernetes' files: certificates in `pki`, pods in `nodes/<node>/pods/<uid>`.
        root: the checkout.
        first_port: the first port of the stack's block; the stack's addresses are derived from it.
        kubelet_port: the port of each node's kubelet API, on the node's address.
        metrics_port: the port of the metrics API.
        host_ports: the node port to which a port of 127.0.0.1 leads, by port.
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
        """Read the settings from a JSON file with these fields."""
        read = json.loads(path.read_text())
        read |= {"folder": Path(read["folder"]), "root": Path(read["root"])}
        read["host_ports"] = {int(here): int(there) for here, there in read["host_ports"].items()}
        if "nodes" in read:
            read["nodes"] = tuple(read["nodes"])
        return cls(**read)

    @property
    def addresses(self) -> Addresses:
        """Return the stack's addresses."""
        return Addresses(self.first_port)

    def node_address(self, node: str) -> str:
        """Return the loopback address of a node."""
        return self.addresses.node(self.nodes.index(node) + 1)

    def to_loopback(self, ip: str) -> str:
        """Return the loopback address for an address of the API; see `Addresses`."""
        return self.addresses.to_loopback(ip)

    def pki(self, name: str) -> Path:
        """Return the path of a certificate or key."""
        return self.folder / "pki" / name


class RunningContainer(Protocol):
    """A container of a pod on one of the nodes.

    Attributes:
        pid: id of its running process, which leads a session of its own; None if it does not run.
        attempts: the log files of its attempts that are still on disk, oldest first; the last is the current one.
        started: start of the current attempt, in seconds since 1970.
        state: its `ContainerState`, as in the pod's status.
    """

    name: str
    pid: int | None
    attempts: list[Path]
    started: float
    state: dict

    def ended(self) -> bool:
        """Return whether the current attempt has ended."""

    async def spawn(
        self, argv: list[str], *, stdin: int, stdout: int, stderr: int, tty: bool = False
    ) -> asyncio.subprocess.Process:
        """Start another process with the container's variables and folder, in a session of its own.

        Args:
            tty: whether `stdin` is a terminal that becomes the controlling terminal of the session.

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
        """Return the name of the pod's node."""

    @property
    def labels(self) -> dict[str, str]:
        """Return the current labels."""

    @property
    def containers(self) -> Mapping[str, RunningContainer]:
        """Return the containers by name."""


class Registry(Protocol):
    """The pods of all nodes."""

    def pods(self, node: str | None = None) -> Sequence[RunningPod]:
        """Return the pods of one node, or of all nodes."""

    def find(self, node: str | None, namespace: str, name: str) -> RunningPod | None:
        """Return a pod of this node, or of any node.

        Of several with this name, return the one that is not being deleted.
        """


class Api(Protocol):
    """API client with the rights of one certificate."""

    async def get(self, path: str, **query: str) -> dict:
        """Read an object, or a list."""

    async def create(self, path: str, body: dict) -> dict:
        """Create an object in the collection `path`."""

    def watch(self, path: str, **query: str) -> AsyncIterator[tuple[str, dict]]:
        """List and watch without end: yield (ADDED, MODIFIED or DELETED, object) and (SYNCED, {}).

        SYNCED follows each list.
        """
