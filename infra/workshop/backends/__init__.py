"""Where Kafka and Kubernetes run. A backend is small: what is the same everywhere stands in `workshop.cluster`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from workshop.backends.local import Local
from workshop.errors import WorkshopError
from workshop.settings import Settings
from workshop.timeline import Timeline


class Backend(Protocol):
    """What `workshop.cluster` asks of a backend."""

    name: str

    def available(self) -> str:
        """Empty if it can be used here, otherwise a sentence that says why not."""

    def up(self, timeline: Timeline) -> None:
        """Make everything run that does not; whatever of it ran already stays."""

    def ready(self) -> None:
        """Wait until all brokers are registered."""

    def down(self) -> list[str]:
        """Stop what runs; returns the names of what was stopped."""

    def components(self) -> list[str]:
        """The names of everything it runs, in the order in which they start."""

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

    def logs(self, name: str) -> Path:
        """The file that holds a component's log."""


def by_name(settings: Settings, name: str) -> Backend:
    """The backend that a running stack's endpoints name."""
    return {"local": Local}[name](settings)


def choose(settings: Settings) -> tuple[Backend, str]:
    """The backend to use, and a sentence that says why it was taken.

    Raises:
        WorkshopError: the one that was asked for cannot be used here.
    """
    if settings.backend in ("kind", "existing"):
        raise WorkshopError(
            f"The backend '{settings.backend}' is not part of this version of the workshop.",
            "Use `--backend local`: three real brokers on this machine, without Docker.",
        )
    backend = Local(settings)
    if why_not := backend.available():
        raise WorkshopError(why_not)
    return backend, "three brokers as processes on this machine: no Docker is needed"
