"""Interface of a backend: four protocols, each for one kind of caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from workshop.base.diagnostic import Finding
from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import nobody


class BrokerFaults(Protocol):
    """Inject and repair faults of brokers.

    Attributes:
        owns_brokers: whether brokers and nodes belong to this stack, so that faults may be injected.
    """

    owns_brokers: bool

    def kill_broker(self, node: int) -> None:
        """Kill a broker without an orderly shutdown; `start_broker` starts it again."""

    def pause_broker(self, node: int) -> None:
        """Freeze a broker; `resume_broker` resumes it."""

    def resume_broker(self, node: int) -> None:
        """Resume a frozen broker."""

    def start_broker(self, node: int) -> None:
        """Start a stopped broker on its own data."""

    def broker_states(self) -> dict[int, str]:
        """Return `running`, `paused` or `stopped` by broker number."""


class NodeFaults(Protocol):
    """Stop and restart Kubernetes' worker nodes, as in a power failure.

    Attributes:
        owns_brokers: whether brokers and nodes belong to this stack, so that faults may be injected.
    """

    owns_brokers: bool

    def lose_node(self, name: str) -> None:
        """Stop a node as in a power failure; `find_node` restarts it."""

    def find_node(self, name: str) -> None:
        """Restart a lost node."""

    def node_states(self) -> dict[str, str]:
        """Return `running` or `stopped` by worker name."""

    def kubernetes_ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until Kubernetes answers and its nodes are ready; called only if the stack has Kubernetes."""


class ServiceHost(Protocol):
    """Run the services in Kubernetes and make them reachable for clients."""

    @property
    def has_kubernetes(self) -> bool:
        """Whether the stack has Kubernetes now."""

    def inside(self) -> dict[str, str]:
        """Return the services' settings for Kafka, for the ConfigMap `workshop`."""

    def secret(self) -> dict[str, str]:
        """Return the secret settings, for the Secret `workshop-kafka`: content by file name, or empty."""

    def expose(self, timeline: Timeline) -> None:
        """Make the services reachable from this machine, if the backend does not do so already."""

    def endpoints(self) -> dict:
        """Return the addresses for clients, as `workshop.connect()` reads them."""

    def log_command(self, name: str, lines: int, *, follow: bool) -> list[str]:
        """Return the command that prints a pod's log."""


class Backend(BrokerFaults, NodeFaults, ServiceHost, Protocol):
    """Lifecycle of a stack on one backend, as `workshop.stack.lifecycle` uses it."""

    name: str
    settings: Settings  # the settings of this backend's own stack
    needs_docker: bool  # whether the stack runs in a Docker engine
    fits_in_a_bundle: bool  # whether an offline bundle contains all that a start needs

    def available(self) -> str:
        """Return an empty string if the backend can be used here, otherwise the reason as a message."""

    def up(self, timeline: Timeline) -> None:
        """Start everything that does not run; running components are kept."""

    def was_made(self) -> bool:
        """Return whether a stack of this backend was created here before."""

    def runs(self) -> bool:
        """Return whether any part of the stack runs now."""

    def ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until all brokers are registered; `tell` is called with what is missing."""

    def undo(self) -> None:
        """After a failed `up`, stop what has no process record."""

    def down(self) -> list[str]:
        """Stop what runs; return the names of the stopped components."""

    def reset(self) -> None:
        """Delete the stack's data outside the state folder."""

    def components(self) -> dict[str, dict]:
        """Return what `workshop status` shows, by component name, in the order of their start."""

    def ports(self) -> Ports:
        """Return the stack's block of ports on this machine; a backend may use only some of them."""

    def provision(self, timeline: Timeline) -> object:
        """Download and build what a start needs, and start nothing."""

    def provision_the_rest(self, timeline: Timeline) -> None:
        """Download and build what can also be provided while the stack runs."""

    def provided(self) -> dict[str, list[Path]]:
        """Return the existing files of what this backend alone provides, by name."""

    def images(self) -> dict[str, int]:
        """Return the sizes in bytes of the images that this backend provides in a Docker engine, by name."""

    def examine(self, kubernetes: str) -> Iterator[Finding]:
        """Check what this backend alone has, for `workshop doctor`.

        Args:
            kubernetes: the progress of Kubernetes' build, or empty, as `workshop status` shows it.
        """
