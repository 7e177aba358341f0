"""The schema registry of lesson 12: started, stopped, and cleaned of the lesson's subjects."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import httpx
from rich.console import Console

from workshop.base.errors import WorkshopError
from workshop.base.timeline import Timeline
from workshop.notebook.connection import Connection
from workshop.stack.backends.choice import made_here
from workshop.stack.registry import stack
from workshop.stack.registry.server import LOOK, UP, Registry

OURS = ("contract-", "exercise-", "check-")  # prefixes of the lesson's topics, and so of its subjects


@dataclass(frozen=True)
class Server:
    """The running registry.

    Attributes:
        ws: the connection to the stack.
        process: its process.
    """

    ws: Connection
    process: Registry

    @property
    def url(self) -> str:
        """The address for clients: `SchemaRegistryClient({"url": server.url, "timeout": 30})`."""
        return self.process.url

    def __repr__(self) -> str:
        return f"schema registry on {self.url}"

    def stop(self) -> None:
        """Stop the registry; its schemas are kept in a topic."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the registry (SIGKILL)."""
        self.process.kill()

    def start(self) -> None:
        """Start the registry, and wait until it answers."""
        self.process.start(self.ws.kafka)

    def close(self) -> str:
        """Delete the lesson's subjects, and stop the registry."""
        self.start()
        count = sweep(self.url)
        self.stop()
        return f"{count} subjects are deleted, and the registry is stopped"


def ensure(ws: Connection) -> Server:
    """Start the registry if it does not run, and delete the subjects that interrupted runs have left."""
    ports = made_here(ws.settings).ports()
    # In a notebook, rich would print each line as a separate output, and a bar for each step.
    plain = Console(file=sys.stdout, force_jupyter=False, force_terminal=False)
    stack.up(ws.settings, ports, ws.kafka, Timeline(plain))
    server = Server(ws, Registry(ws.settings, ports))
    sweep(server.url)
    return server


def sweep(url: str) -> int:
    """Delete the lesson's subjects; return their number.

    Raises:
        WorkshopError: the registry does not answer, or refuses.
    """
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            ours = [name for name in client.get("/subjects").raise_for_status().json() if name.startswith(OURS)]
            for name in ours:
                client.delete(f"/subjects/{name}").raise_for_status()
    except httpx.HTTPStatusError as error:
        raise WorkshopError(f"The registry answered {error.response.status_code}.", LOOK) from error
    except httpx.HTTPError as error:
        raise WorkshopError("The schema registry does not answer.", f"{UP} in a terminal starts it.") from error
    return len(ours)
