"""What the rest of the project asks of a backend: four small protocols, each for one kind of caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import nobody


class BrokerFaults(Protocol):
    """Break and mend brokers.

    Attributes:
        owns_brokers: whether brokers and nodes belong to this stack and may be broken.
    """

    owns_brokers: bool

    def kill_broker(self, node: int) -> None:
        """End a broker without a word; `start_broker` brings it back."""

    def pause_broker(self, node: int) -> None:
        """Freeze a broker; `resume_broker` lets it go on."""

    def resume_broker(self, node: int) -> None:
        """Let a frozen broker go on."""

    def start_broker(self, node: int) -> None:
        """Start a broker that is dead, on its own data."""

    def broker_states(self) -> dict[int, str]:
        """`running`, `paused` or `stopped`, by the broker's number."""


class NodeFaults(Protocol):
    """Cut and restore the power of Kubernetes' worker nodes.

    Attributes:
        owns_brokers: whether brokers and nodes belong to this stack and may be broken.
    """

    owns_brokers: bool

    def lose_node(self, name: str) -> None:
        """Cut a node's power; `find_node` brings it back."""

    def find_node(self, name: str) -> None:
        """Give a lost node its power again."""

    def node_states(self) -> dict[str, str]:
        """`running` or `stopped`, by the worker node's name."""

    def kubernetes_ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until Kubernetes answers and its nodes are ready; asked only where there is Kubernetes."""


class ServiceHost(Protocol):
    """Run the services in Kubernetes and let clients reach them."""

    @property
    def has_kubernetes(self) -> bool:
        """Whether Kubernetes is a part of the stack, now."""

    def inside(self) -> dict[str, str]:
        """How the services reach Kafka: for the ConfigMap `workshop`."""

    def secret(self) -> dict[str, str]:
        """What of that nobody else may know: for the Secret `workshop-kafka`, file name to content; empty for none."""

    def expose(self, timeline: Timeline) -> None:
        """Make the services reachable from this machine, where they are not by themselves."""

    def endpoints(self) -> dict:
        """How clients reach it: what `workshop.connect()` reads."""

    def log_command(self, name: str, lines: int, *, follow: bool) -> list[str]:
        """What prints the log of a pod."""


class Backend(BrokerFaults, NodeFaults, ServiceHost, Protocol):
    """The life of a stack on one backend: what `workshop.stack.lifecycle` starts, looks at and stops."""

    name: str
    settings: Settings  # those of this backend's own stack

    def available(self) -> str:
        """Empty if it can be used here, otherwise a sentence that says why not."""

    def up(self, timeline: Timeline) -> None:
        """Make everything run that does not; whatever of it ran already stays."""

    def was_made(self) -> bool:
        """Whether a stack of it was made here before."""

    def runs(self) -> bool:
        """Whether anything of it runs now."""

    def ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until all brokers are registered; `tell` is told what is missing."""

    def undo(self) -> None:
        """After a failed `up`: stop what no component's record tells of."""

    def down(self) -> list[str]:
        """Stop what runs; returns the names of what was stopped."""

    def reset(self) -> None:
        """Delete what it stores outside of the state folder."""

    def components(self) -> dict[str, dict]:
        """Everything it runs, in the order in which they start: name to what `workshop status` shows."""

    def ports(self) -> Ports:
        """The block of ports of this machine that the stack has, whichever of them the backend itself uses."""

    def provision(self, timeline: Timeline) -> object:
        """Bring and build what is needed to start, and start nothing."""

    def provision_the_rest(self, timeline: Timeline) -> None:
        """Bring and build what may also come while the stack runs already."""
