"""The registry's process: start, stop and its addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx
import psutil

from workshop.base import ports
from workshop.base.diagnosis import DISK, Diagnosis, diagnose
from workshop.base.errors import WorkshopError
from workshop.base.processes import Component, Processes
from workshop.base.readiness import wait_for
from workshop.base.settings import Ports, Settings
from workshop.base.waiting import nobody
from workshop.stack.registry import archive, command, recording
from workshop.stack.toolchain import java

NAME = "registry"
LOOK = "`workshop logs registry` shows more."
NEEDED = 350_000_000  # bytes of memory that must be available before a start
API = "/apis/ccompat/v7"  # the interface of Confluent's Schema Registry
PORT_TAKEN = r"port.{0,40}(already bound|in use)|address already in use"
ENDED = (
    Diagnosis(PORT_TAKEN, "Its port {port} was taken by another program.", "End that program, then run {up}."),
    Diagnosis(DISK, "The disk is full.", "Free some space, then run {up}."),
    Diagnosis(
        r"outofmemoryerror|cannot allocate memory|insufficient memory",
        "There was not enough memory.",
        "Close other programs, then run {up}.",
    ),
    Diagnosis(
        r"kafka.{0,200}(timeout|timed out|could not be established)",
        "Kafka did not answer it.",
        "Run `workshop status`, then {up}.",
    ),
    Diagnosis("", "", LOOK),
)
UP = "`workshop up --with registry`"


class Registry:
    """The schema registry of one state folder; its data are in a topic of the stack's Kafka."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        """Use the registry's two ports of 127.0.0.1."""
        self.settings, self.port, self.health = settings, ports.registry, ports.registry_health
        self.folder = settings.state / "registry"
        self.processes = Processes(settings.state)

    @property
    def url(self) -> str:
        """The address of the interface that is compatible with Confluent's, for `SchemaRegistryClient`."""
        return f"http://127.0.0.1:{self.port}{API}"

    def start(self, kafka: Mapping, tell: Callable[[str], None] = nobody) -> None:
        """Start the registry and wait until it answers; nothing changes if it runs already.

        Args:
            kafka: the endpoint settings for Kafka clients.

        Raises:
            WorkshopError: its port is taken, memory is missing, it ended, or it did not answer in time.
        """
        if not self.processes.lives(NAME):
            self._must_be_possible()
            self.processes.start(self._component(kafka))
        patience = self.settings.patience
        wait_for(self.processes, NAME, self._answers, patience, title="Apicurio Registry", tell=tell, next_step=LOOK)

    def stop(self) -> None:
        """Stop the registry; its data are kept."""
        self.processes.stop([NAME])

    def kill(self) -> None:
        """Kill the registry without an orderly shutdown."""
        self.processes.stop([NAME], at_once=True)

    def runs(self) -> bool:
        """Return whether its process runs."""
        return self.processes.lives(NAME)

    def _must_be_possible(self) -> None:
        for port in (self.port, self.health):
            if ports.is_free(port):
                continue
            raise WorkshopError(
                f"Port {port}, which the registry needs, is in use by another program.",
                f"End that program, then run {UP}; or run `workshop down` first, and it finds other ports.",
            )
        free = psutil.virtual_memory().available
        if free < NEEDED:
            raise WorkshopError(
                f"The registry needs {NEEDED // 1_000_000} MB of memory; {free // 1_000_000} MB are available.",
                f"Close other programs, then run {UP}.",
            )

    def _answers(self) -> bool:
        if not self.processes.lives(NAME):
            found = diagnose(self.processes.tail(NAME, 60), ENDED, port=self.port, up=UP)
            raise WorkshopError(
                f"The registry ended right after its start. {found.fact}".strip(),
                found.next_step,
                self.processes.tail(NAME, 6),
            )
        try:
            with httpx.Client(trust_env=False, timeout=5) as client:
                # The interface answers before the registry has read its topic; subjects would be missing.
                ready = client.get(f"http://127.0.0.1:{self.health}/health/ready").status_code == 200
                return ready and client.get(f"{self.url}/subjects").status_code == 200
        except httpx.HTTPError:
            return False

    def _component(self, kafka: Mapping) -> Component:
        scratch = self.folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        found = java.find(self.settings)
        app = archive.unpacked(self.settings)
        argv = command.command(found, app, scratch, *recording.flags(self.settings, found))
        env = command.environment(self.port, self.health, scratch, command.in_kafka(kafka["bootstrap_servers"]))
        return Component(NAME, argv, env, self.folder, (self.port, self.health), 20.0)
