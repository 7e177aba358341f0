"""Protocols of the references that lead upwards: from a container to its pod, a pod to its node, a status to its pod."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from node_agent.api import Api
from node_agent.kubelet.events import Recorder
from node_agent.kubelet.volumes import Volumes
from node_agent.model import Config


class Named(Protocol):
    """Anything with a name, such as a container that an event is about."""

    name: str


class PodOwner(Protocol):
    """The part of a pod that its containers need."""

    manifest: dict
    uid: str
    folder: Path
    volumes: Volumes
    has_inits: bool
    leaving: bool
    node_leaves: bool

    @property
    def api(self) -> Api:
        """Return the API client of its node."""

    @property
    def root(self) -> Path:
        """Return the folder of the checkout."""

    @property
    def policy(self) -> str:
        """Return the restart policy."""

    @property
    def full_name(self) -> str:
        """Return the name in the form of a kubelet's messages."""

    @property
    def address(self) -> str:
        """Return the address at which its processes listen."""

    @property
    def seen_here(self) -> dict[str, str]:
        """Return the fields whose values only the node has, for variables."""

    def base_environment(self, container: str) -> dict[str, str]:
        """Return the variables that every container has."""

    def mark(self, container: str) -> tuple[str, str]:
        """Return the variable that marks the processes of a container, and its value."""

    def owns(self, process: int) -> bool:
        """Return whether a process belongs to one of its containers."""

    def owner(self, process: int) -> str:
        """Return the owner of a process, for a message; empty if it belongs to no pod."""

    def grace(self, container: dict, probe: str) -> float:
        """Return the grace period in seconds of a container whose probe failed."""

    def note(self, reason: str, message: str, container: Named | None = None, *, warning: bool = True) -> None:
        """Write an event."""

    def changed(self) -> None:
        """Report that the status has changed."""

    def keep(self, task: asyncio.Task) -> None:
        """Cancel a task when the pod ends."""


class AttendedContainer(Protocol):
    """The part of a container that its hooks, probes and memory limit need."""

    name: str
    spec: dict
    pid: int | None
    started: float
    state: dict
    attempts: list[Path]
    ready: bool
    has_started: bool
    resources: dict
    reason: str

    @property
    def pod(self) -> PodOwner:
        """Return the pod of the container."""

    @property
    def ports(self) -> dict[str, int]:
        """Return the named ports."""

    def ended(self) -> bool:
        """Return whether the current attempt has ended."""

    async def spawn(
        self, argv: list[str], *, stdin: int, stdout: int, stderr: int, tty: bool = False
    ) -> asyncio.subprocess.Process:
        """Start another process in this container."""

    async def stop(self, grace: float) -> None:
        """End the current attempt within a grace period in seconds."""


class ResizableContainer(Protocol):
    """The part of a container that a resize needs."""

    name: str
    spec: dict
    pid: int | None
    resources: dict

    def restart(self) -> None:
        """Restart it with its new resources."""


class ResizablePod(Protocol):
    """The part of a pod that a resize needs."""

    manifest: dict

    def resizable(self) -> Sequence[ResizableContainer]:
        """Return the containers whose resources count on the node."""

    def neighbours(self) -> Sequence[ResizablePod]:
        """Return the other pods of its node."""

    def note(self, reason: str, message: str, container: Named | None = None, *, warning: bool = True) -> None:
        """Write an event."""

    def changed(self) -> None:
        """Report that the status has changed."""


class ContainerState(Protocol):
    """The part of a container that its pod's status needs."""

    name: str
    ready: bool
    state: dict
    last_state: dict

    @property
    def restarts_always(self) -> bool:
        """Return whether it is always restarted."""

    def ended(self) -> bool:
        """Return whether the current attempt has ended."""

    def done(self) -> bool:
        """Return whether it has ended and will not be restarted."""

    def exit_code(self) -> int | None:
        """Return its exit code if it is done."""

    def status(self) -> dict:
        """Return the ContainerStatus."""


class PodState(Protocol):
    """The part of a pod that its status and the writer of the status need; it is read only."""

    manifest: dict
    namespace: str
    name: str
    uid: str
    sandboxed: bool
    initialized: bool
    leaving: bool
    started_at: str
    failed_for: tuple[str, str] | None

    @property
    def api(self) -> Api:
        """Return the API client of its node."""

    @property
    def full_name(self) -> str:
        """Return the name in the form of a kubelet's messages."""

    @property
    def policy(self) -> str:
        """Return the restart policy."""

    @property
    def api_address(self) -> str:
        """Return the address of the pod in the API."""

    @property
    def host_address(self) -> str:
        """Return the address of its node."""

    @property
    def mains(self) -> Sequence[ContainerState]:
        """Return the containers that are not init containers."""

    @property
    def inits(self) -> Sequence[ContainerState]:
        """Return the init containers."""

    @property
    def resize_conditions(self) -> Mapping[str, tuple[str, str]]:
        """Return the conditions of a resize that is not complete: type to reason and message."""

    @property
    def told(self) -> dict:
        """Return the status that was written last."""


class NodeOwner(Protocol):
    """The part of a node that its pods need."""

    MARK: str
    name: str
    folder: Path
    api: Api
    config: Config
    address: str
    events: Recorder
    service_links: Callable[[str], dict[str, str]]

    @property
    def all_pods(self) -> Callable[[], Sequence[PodIdentity]]:
        """Return a function that returns the pods of all nodes of this machine."""

    def pods_here(self) -> Sequence[ResizablePod]:
        """Return the pods of this node."""

    def pod_address(self, index: int) -> str:
        """Return the address of a pod in the API."""

    def api_variables(self) -> dict[str, str]:
        """Return the variables with the API server's address."""


class PodIdentity(Protocol):
    """Namespace, name and uid of a pod."""

    namespace: str
    name: str
    uid: str
