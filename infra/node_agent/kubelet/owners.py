"""Types of the references that lead upwards: what a container asks of its pod, a pod of its node, a status of its pod."""

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
    """A pod, as its containers see it."""

    manifest: dict
    uid: str
    folder: Path
    volumes: Volumes
    has_inits: bool
    leaving: bool
    node_leaves: bool

    @property
    def api(self) -> Api:
        """The client of its node."""

    @property
    def root(self) -> Path:
        """The checkout."""

    @property
    def policy(self) -> str:
        """The restart policy."""

    @property
    def full_name(self) -> str:
        """The name as a kubelet writes it in its messages."""

    @property
    def address(self) -> str:
        """The address at which its processes listen."""

    @property
    def seen_here(self) -> dict[str, str]:
        """Fields that only the node knows, for variables."""

    def base_environment(self, container: str) -> dict[str, str]:
        """Return the variables that every container has."""

    def mark(self, container: str) -> tuple[str, str]:
        """Return the variable by which the processes of a container are known, and its value."""

    def owns(self, process: int) -> bool:
        """Return whether a process belongs to one of its containers."""

    def owner(self, process: int) -> str:
        """Return the owner of a process in words; empty if it belongs to no pod."""

    def grace(self, container: dict, probe: str) -> float:
        """Return the seconds that a container has when a probe failed."""

    def note(self, reason: str, message: str, container: Named | None = None, *, warning: bool = True) -> None:
        """Write an event."""

    def changed(self) -> None:
        """Report that the status has changed."""

    def keep(self, task: asyncio.Task) -> None:
        """Cancel a task when the pod ends."""


class AttendedContainer(Protocol):
    """A container, as its hooks, probes and memory limit see it."""

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
        """The pod that it belongs to."""

    @property
    def ports(self) -> dict[str, int]:
        """The named ports."""

    def ended(self) -> bool:
        """Return whether the current attempt is over."""

    async def spawn(
        self, argv: list[str], *, stdin: int, stdout: int, stderr: int, tty: bool = False
    ) -> asyncio.subprocess.Process:
        """Start one more process in this container."""

    async def stop(self, grace: float) -> None:
        """End the current attempt within so many seconds."""


class ResizableContainer(Protocol):
    """A container, as a resize sees it."""

    name: str
    spec: dict
    pid: int | None
    resources: dict

    def restart(self) -> None:
        """Start it anew with its new resources."""


class ResizablePod(Protocol):
    """A pod, as a resize sees it."""

    manifest: dict

    def resizable(self) -> Sequence[ResizableContainer]:
        """Return its containers that run all the time."""

    def neighbours(self) -> Sequence[ResizablePod]:
        """Return the other pods of its node."""

    def note(self, reason: str, message: str, container: Named | None = None, *, warning: bool = True) -> None:
        """Write an event."""

    def changed(self) -> None:
        """Report that the status has changed."""


class ContainerState(Protocol):
    """A container, as its pod's status sees it."""

    name: str
    ready: bool
    state: dict
    last_state: dict

    @property
    def restarts_always(self) -> bool:
        """Whether it is to run all the time."""

    def ended(self) -> bool:
        """Return whether the current attempt is over."""

    def done(self) -> bool:
        """Return whether it has ended and will not be started again."""

    def exit_code(self) -> int | None:
        """Return the exit code of its end, if it has ended."""

    def status(self) -> dict:
        """Return a ContainerStatus."""


class PodState(Protocol):
    """A pod, as its status and the writer of the status see it; nothing is changed through it."""

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
        """The client of its node."""

    @property
    def full_name(self) -> str:
        """The name as a kubelet writes it in its messages."""

    @property
    def policy(self) -> str:
        """The restart policy."""

    @property
    def api_address(self) -> str:
        """The address as the API knows it."""

    @property
    def host_address(self) -> str:
        """The address of its node."""

    @property
    def mains(self) -> Sequence[ContainerState]:
        """The containers that are not init containers."""

    @property
    def inits(self) -> Sequence[ContainerState]:
        """The init containers."""

    @property
    def resize_conditions(self) -> Mapping[str, tuple[str, str]]:
        """The conditions of a resize that is not complete: type to reason and message."""

    @property
    def told(self) -> dict:
        """The status that was written last."""


class NodeOwner(Protocol):
    """A node, as its pods see it."""

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
        """The pods of this machine, on whichever node."""

    def pods_here(self) -> Sequence[ResizablePod]:
        """Return the pods of this node."""

    def pod_address(self, index: int) -> str:
        """Return the address of a pod, as the API knows it."""

    def api_variables(self) -> dict[str, str]:
        """Return the variables by which programs in pods find the API server."""


class PodIdentity(Protocol):
    """A pod's names."""

    namespace: str
    name: str
    uid: str
