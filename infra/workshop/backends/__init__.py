"""Where Kafka and Kubernetes run. A backend is small: what is the same everywhere stands in `workshop.cluster`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from workshop import stack_folders
from workshop.backends.existing import Existing
from workshop.backends.kind import Kind
from workshop.backends.local import Local
from workshop.errors import WorkshopError
from workshop.settings import Ports, Settings
from workshop.timeline import Timeline
from workshop.waiting import nobody


class Backend(Protocol):
    """What `workshop.cluster` asks of a backend."""

    name: str
    settings: Settings  # those of this backend's own stack
    owns_brokers: bool  # whether brokers and nodes are this stack's own, to be broken and mended

    @property
    def has_kubernetes(self) -> bool:
        """Whether Kubernetes is a part of the stack, now."""

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

    def inside(self) -> dict[str, str]:
        """How the services reach Kafka: for the ConfigMap `workshop`."""

    def secret(self) -> dict[str, str]:
        """What of that nobody else may know: for the Secret `workshop-kafka`, file name to content; empty for none."""

    def expose(self, timeline: Timeline) -> None:
        """Make the services reachable from this machine, where they are not by themselves."""

    def endpoints(self) -> dict:
        """How clients reach it: what `workshop.connect()` reads."""

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

    def kubernetes_ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until Kubernetes answers and its nodes are ready; asked only where there is Kubernetes."""

    def lose_node(self, name: str) -> None:
        """Cut a node's power; `find_node` brings it back."""

    def find_node(self, name: str) -> None:
        """Give a lost node its power again."""

    def node_states(self) -> dict[str, str]:
        """`running` or `stopped`, by the worker node's name."""

    def log_command(self, name: str, lines: int, *, follow: bool) -> list[str]:
        """What prints the log of a pod."""

    def provision(self, timeline: Timeline) -> object:
        """Bring and build what is needed to start, and start nothing."""

    def provision_the_rest(self, timeline: Timeline) -> None:
        """Bring and build what may also come while the stack runs already."""


BACKENDS: dict[str, Callable[[Settings], Backend]] = {"kind": Kind, "local": Local, "existing": Existing}


def by_name(settings: Settings, name: str) -> Backend:
    """Return the backend of this name, with the settings of its own stack."""
    return BACKENDS[name](settings)


def made_here(settings: Settings) -> Backend:
    """Return the backend whose stack these settings lead to; `local` where there is none yet."""
    named = (name for name in stack_folders.BACKENDS if settings.of(name).state == settings.state)
    return BACKENDS[next(named, "local")](settings)


def choose(settings: Settings) -> tuple[Backend, str]:
    """Return the backend to use, and a sentence that says why it was taken.

    Raises:
        WorkshopError: the one that was asked for cannot be used here, or another one runs.
    """
    made = stack_folders.made(settings.common)
    backend, why = _wanted(settings, made)
    for other in made:
        if other != backend.name and by_name(settings, other).runs():
            raise WorkshopError(
                f"A stack of the backend {other} runs here, and one runs at a time.",
                f"`workshop down --backend {other}` stops it, its data stay; then `workshop up --backend {backend.name}`.",
            )
    return backend, why


def _wanted(settings: Settings, made: list[str]) -> tuple[Backend, str]:
    if settings.backend == "auto" and made:
        return by_name(settings, stack_folders.last(settings.common)), "as before"
    if settings.backend in made:
        return by_name(settings, settings.backend), "as before"
    kind, local = Kind(settings), Local(settings)
    if settings.backend == "existing":
        return Existing(settings), "a Kafka that is already there, as asked for"
    if settings.backend == "local":
        return _usable(local), "brokers and Kubernetes as processes on this machine: no Docker is needed"
    if settings.backend == "kind":
        return kind, "a kind cluster in Docker, as asked for"
    if why_not := kind.available():
        return _usable(local), f"processes on this machine ({why_not})"
    return kind, "a Docker engine answers, so a kind cluster with four nodes"


def _usable(backend: Backend) -> Backend:
    if why_not := backend.available():
        raise WorkshopError(why_not)
    return backend
