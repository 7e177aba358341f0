"""The choice of a backend."""

from __future__ import annotations

from collections.abc import Callable

from workshop.base import stack_folders
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.backends.existing import Existing
from workshop.stack.backends.kind import Kind
from workshop.stack.backends.local import Local
from workshop.stack.backends.protocols import Backend

BACKENDS: dict[str, Callable[[Settings], Backend]] = {"kind": Kind, "local": Local, "existing": Existing}


def by_name(settings: Settings, name: str) -> Backend:
    """Return the backend with this name, with the settings of its own stack."""
    return BACKENDS[name](settings)


def made_here(settings: Settings) -> Backend:
    """Return the backend that these settings belong to; `local` if there is no stack yet."""
    named = (name for name in stack_folders.BACKENDS if settings.of(name).state == settings.state)
    return BACKENDS[next(named, "local")](settings)


def requested(settings: Settings) -> Backend | None:
    """Return the backend that the settings name; None if the choice is left to us."""
    return by_name(settings, settings.backend) if settings.backend in BACKENDS else None


def in_question(settings: Settings) -> list[Backend]:
    """Return the backends whose stack is or will be here: the requested one, if there is one, and that of the last stack."""
    return [*filter(None, [requested(settings)]), made_here(settings)]


def choose(settings: Settings) -> tuple[Backend, str]:
    """Return the backend to use, and the reason for the choice as a message.

    Raises:
        WorkshopError: the requested backend cannot be used here, or a stack of another backend runs.
    """
    made = stack_folders.made(settings.common)
    backend, why = _wanted(settings, made)
    for other in made:
        if other != backend.name and by_name(settings, other).runs():
            raise WorkshopError(
                f"A stack of the backend {other} runs here; only one can run at a time.",
                f"`workshop down --backend {other}` stops it and keeps its data. "
                f"Then `workshop up --backend {backend.name}`.",
            )
    return backend, why


def _wanted(settings: Settings, made: list[str]) -> tuple[Backend, str]:
    if settings.backend == "auto" and made:
        return by_name(settings, stack_folders.last(settings.common)), "as before"
    if settings.backend in made:
        return by_name(settings, settings.backend), "as before"
    kind, local = Kind(settings), Local(settings)
    if settings.backend == "existing":
        return Existing(settings), "an existing Kafka, as requested"
    if settings.backend == "local":
        return _usable(local), "brokers and Kubernetes as processes on this machine: no Docker is needed"
    if settings.backend == "kind":
        return kind, "a kind cluster in Docker, as requested"
    if why_not := kind.available():
        return _usable(local), f"processes on this machine ({why_not})"
    return kind, "a Docker engine answers, so a kind cluster with four nodes"


def _usable(backend: Backend) -> Backend:
    if why_not := backend.available():
        raise WorkshopError(why_not)
    return backend
