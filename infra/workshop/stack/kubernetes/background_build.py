"""Background build of Kubernetes: compiles the control plane while Kafka's lessons already work."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import psutil

from workshop.base import endpoints
from workshop.base.environment import tool_environment
from workshop.base.errors import WorkshopError
from workshop.base.processes import Component, Processes
from workshop.base.settings import Settings, of_backend
from workshop.stack.kubernetes.controlplane import progress

P = ParamSpec("P")
R = TypeVar("R")


class HasSettings(Protocol):
    """A connection with the stack's settings."""

    @property
    def settings(self) -> Settings:
        """The settings of the stack."""


W = TypeVar("W", bound=HasSettings)
NAME = "kubernetes-build"
COMMAND = "workshop.stack.kubernetes_build"  # the module that the component runs
LONGEST = 3600  # seconds that a lesson waits for a running build


def component(settings: Settings) -> Component:
    """Return the component that runs the build and the subsequent start; it ends by itself."""
    argv = (sys.executable, "-m", COMMAND)
    env = {**tool_environment(settings), **of_backend("local")}  # overrides the variable of the user's shell
    return Component(NAME, argv, env, cwd=settings.root, grace=10)


def start(settings: Settings) -> None:
    """Start the build unless it runs."""
    (settings.state / progress.FILE).unlink(missing_ok=True)
    Processes(settings.state).start(component(settings))


def sentence(settings: Settings) -> str:
    """Return the progress of the build as a message."""
    now = progress.read(settings)
    if now.get("state") == "failed":
        return now.get("said") or "Kubernetes could not be built."
    if now.get("state") == "built":
        return "Kubernetes is built and starts"
    done, of, said = now.get("packages", 0), now.get("of", 0), now.get("said", "starting")
    far = f"{done} of {of} packages" if said == progress.COMPILED else said
    return f"Kubernetes is being built in the background: {far}"


def wait(settings: Settings) -> None:
    """Wait until this stack has Kubernetes, and print the progress of the build.

    Raises:
        WorkshopError: the stack has no Kubernetes and no build runs, or the build failed.
    """

    until, told = time.monotonic() + LONGEST, ""
    while "kubernetes" not in endpoints.read(settings):
        if NAME not in Processes(settings.state).running():
            raise _none(settings)
        if (now := sentence(settings)) != told:
            print(f"\r{now}   ", end="", flush=True)
            told = now
        if time.monotonic() > until:
            raise WorkshopError("Kubernetes is still being built after an hour.", f"`workshop logs {NAME}` shows why.")
        time.sleep(0.5)
    if told:
        print("\rKubernetes is here.".ljust(len(told) + 4))


def _none(settings: Settings) -> WorkshopError:
    if not settings.kubernetes:
        return WorkshopError(
            "This stack has no Kubernetes: WORKSHOP_KUBERNETES is off, as on machines with little memory.",
            "This lesson needs a larger machine (3 GB): there, `./infra/bootstrap.sh`. Lessons 00 to 05 work here.",
        )
    if progress.read(settings).get("state") == "failed":
        return WorkshopError(
            sentence(settings), f"`workshop logs {NAME}` shows more; `workshop up` tries again. Kafka's lessons go on."
        )
    return WorkshopError(
        "This stack has no Kubernetes.",
        "`workshop up` brings it (Linux or WSL2; elsewhere `workshop up --backend kind`, with Docker).",
    )


@contextlib.contextmanager
def paused(settings: Settings) -> Iterator[None]:
    """Suspend the build during the block, so that it does not distort a measurement."""
    held = _tree(settings)
    for process in held:
        with contextlib.suppress(psutil.Error):
            process.suspend()
    try:
        yield
    finally:
        for process in reversed(held):
            with contextlib.suppress(psutil.Error):
                process.resume()


def measures(function: Callable[Concatenate[W, P], R]) -> Callable[Concatenate[W, P], R]:
    """Decorate a function that measures on a connection: the build is suspended meanwhile.

    The connection is the function's first argument.
    """

    @functools.wraps(function)
    def still(ws: W, *args: P.args, **kwargs: P.kwargs) -> R:
        with paused(ws.settings):
            return function(ws, *args, **kwargs)

    return still


def _tree(settings: Settings) -> list[psutil.Process]:
    process = Processes(settings.state).running().get(NAME)
    if process is None:
        return []
    with contextlib.suppress(psutil.Error):
        return [process, *process.children(recursive=True)]
    return []
