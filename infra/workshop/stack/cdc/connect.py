"""Kafka Connect with Debezium as a process: jars, settings and REST client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.processes import Component, Processes
from workshop.base.readiness import wait_for
from workshop.base.settings import NODES, Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import nobody
from workshop.kafka.properties import escaped
from workshop.stack.brokers import jars, runtime
from workshop.stack.cdc import tls
from workshop.stack.cdc.rest import LOOK, PatientTransport, message
from workshop.stack.toolchain import java

NAME = "connect"
MAIN = "org.apache.kafka.connect.cli.ConnectDistributed"
VERSION = "3.7.0.Final"
FLUSH_MS = 1_000  # interval between commits of source offsets; later changes are sent again after a crash
ONE_TRY = 20.0  # timeout of one try of a request in seconds
MEMORY = ("-Xmx160m",)  # the last flag counts


class Connect:
    """The Kafka Connect worker of one state folder."""

    def __init__(self, settings: Settings, port: int) -> None:
        """Use this port of 127.0.0.1 for the REST interface."""
        self.settings, self.port = settings, port
        self.folder = settings.state / "cdc" / "connect"
        self.processes = Processes(settings.state)

    def start(self, kafka: Mapping, secrets: Mapping[str, str], tell: Callable[[str], None] = nobody) -> None:
        """Start the worker and wait until it answers.

        Args:
            kafka: the endpoint settings for Kafka clients.
            secrets: environment variables, which a connector's settings reference as `${env:NAME}`.

        Raises:
            WorkshopError: the worker ended, or did not answer in time; the detail is the end of its log.
        """
        self.processes.start(self._component(kafka, secrets))
        wait_for(
            self.processes,
            NAME,
            self._answers,
            self.settings.patience,
            title="Kafka Connect",
            tell=tell,
            next_step=LOOK,
        )

    def stop(self) -> None:
        """Stop the worker; it continues from its committed offsets after the next start."""
        self.processes.stop([NAME])

    def kill(self) -> None:
        """Kill the worker without an orderly shutdown."""
        self.processes.stop([NAME], at_once=True)

    def put(self, name: str, config: Mapping[str, object]) -> None:
        """Create a connector, or change its settings.

        Raises:
            WorkshopError: Kafka Connect refuses the settings; the message has the reason.
        """
        self.ask("PUT", f"/connectors/{name}/config", {key: str(value) for key, value in config.items()})

    def state(self, name: str) -> tuple[str, str]:
        """Return a connector's state, such as RUNNING or FAILED (empty if none), and the reason of a failure."""
        answer = self.ask("GET", f"/connectors/{name}/status", missing={})
        for part in [*answer.get("tasks", []), answer.get("connector", {})]:
            if part.get("state") == "FAILED":
                return "FAILED", _reason(part.get("trace", ""))
        tasks = [task["state"] for task in answer.get("tasks", [])]
        return (tasks[0] if tasks else ""), ""

    def place(self, name: str) -> dict:
        """Return the last committed source offset of a connector, such as an LSN; empty before the first."""
        noted = self.ask("GET", f"/connectors/{name}/offsets", missing={}).get("offsets", [])
        return noted[0]["offset"] if noted else {}

    def delete(self, name: str) -> None:
        """Delete a connector, if it exists."""
        self.ask("DELETE", f"/connectors/{name}", missing=None)

    def ask(self, verb: str, path: str, body: object = None, **default: object) -> Any:
        """Send a request to the REST interface, and return the decoded answer.

        Args:
            default: `missing=`, the value to return for the status 404.

        Raises:
            WorkshopError: Kafka Connect does not answer, or refuses the request.
        """
        try:
            with httpx.Client(**self.rest()) as client:
                answer = client.request(verb, path, json=body)
        except (httpx.HTTPError, OSError) as error:
            raise WorkshopError(
                "Kafka Connect does not answer.",
                "`workshop up --with cdc` in a terminal starts it.",
                self.processes.tail(NAME, 6) or str(error),
            ) from error
        if answer.status_code == 404 and "missing" in default:
            return default["missing"]
        if answer.is_error:
            raise WorkshopError(f"Kafka Connect refuses: {message(answer)}", LOOK)
        return answer.json() if answer.content else None

    def rest(self) -> dict[str, Any]:
        """Return settings for `httpx.Client`: address, certificates, and repeated requests while the worker is busy.

        Raises:
            OSError: no worker was started here yet.
        """
        transport = PatientTransport(self.folder / "pki", lambda: self.processes.lives(NAME))
        return {"base_url": self._address, "transport": transport, "timeout": ONE_TRY}

    def _answers(self) -> bool:
        if not self.processes.lives(NAME):
            raise WorkshopError(
                "Kafka Connect ended right after its start. The end of its log:",
                "`workshop logs connect` shows all of it.",
                self.processes.tail(NAME, 10),
            )
        try:
            # It answers 200 after it has joined its group; before that it answers 404 or not at all.
            with self._client(5) as client:
                return client.get("/connectors").status_code == 200
        except (httpx.HTTPError, OSError):
            return False

    def _client(self, seconds: float) -> httpx.Client:
        # Ignore the environment's proxies for requests to this machine.
        context = tls.context(self.folder / "pki")
        return httpx.Client(base_url=self._address, verify=context, trust_env=False, timeout=seconds)

    @property
    def _address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def _component(self, kafka: Mapping, secrets: Mapping[str, str]) -> Component:
        scratch = self.folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        properties = self.folder / "connect.properties"
        settings = worker_settings(kafka["bootstrap_servers"], self.port, list(secrets))
        settings |= tls.listener(self.folder / "pki")
        text = "".join(f"{key}={escaped(value)}\n" for key, value in settings.items())
        write_atomically(properties, text, mode=0o600)
        argv = _runtime(self.settings).command(MAIN, str(properties), flags=MEMORY, scratch=scratch)
        return Component(NAME, argv, {**runtime.environment(scratch), **secrets}, self.folder, (self.port,), 20.0)


def provision(settings: Settings, timeline: Timeline) -> None:
    """Download Debezium's jars; Kafka's own jars exist already."""
    size = sum(jar.size for jar in jars.pinned(settings, jars.DEBEZIUM))
    with timeline.step("Debezium's jars", size) as progress:
        jars.fetch(settings, debezium_folder(settings), progress, jars.DEBEZIUM)


def worker_settings(bootstrap: Sequence[str], port: int, variables: Sequence[str]) -> dict[str, object]:
    """Return the settings of a Connect worker; its state is in three topics with three replicas. Pure."""
    topics = {
        f"{kind}.storage.{name}": value
        for kind in ("config", "offset", "status")
        for name, value in (("topic", f"connect-{kind}"), ("replication.factor", len(NODES)))
    }
    return {
        "bootstrap.servers": ",".join(bootstrap),
        "group.id": "workshop-connect",
        **topics,
        "offset.storage.partitions": 1,
        "status.storage.partitions": 1,
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
        "listeners": f"https://127.0.0.1:{port}",
        "rest.advertised.listener": "https",
        "rest.advertised.host.name": "127.0.0.1",
        "plugin.discovery": "service_load",
        "offset.flush.interval.ms": FLUSH_MS,
        "config.providers": "env",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "config.providers.env.param.allowlist.pattern": "|".join(variables) or "none",
        "scheduled.rebalance.max.delay.ms": 0,
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 1_000,
        "producer.acks": "all",
        "producer.delivery.timeout.ms": 120_000,
    }


def _runtime(settings: Settings) -> runtime.Runtime:
    libs = [runtime.folder(settings) / "libs" / jar.name for jar in jars.pinned(settings)]
    more = [debezium_folder(settings) / jar.name for jar in jars.pinned(settings, jars.DEBEZIUM)]
    if absent := [path.name for path in (*libs, *more) if not path.exists()]:
        raise WorkshopError(f"{absent[0]} is missing.", "`workshop fetch` brings what the stack needs.")
    prepared = runtime.prepare(settings, java.find(settings), tuple(libs))
    # Java accepts an ahead-of-time cache if the class path begins with that of the recording.
    return replace(prepared, jars=(*prepared.jars, *more))


def debezium_folder(settings: Settings) -> Path:
    """Return the cache folder of Debezium's jars."""
    return settings.cache / f"debezium-{VERSION}" / "libs"


def _reason(trace: str) -> str:
    """Return the innermost cause of a Java stack trace, in one line."""
    causes = [
        line.removeprefix("Caused by: ") for line in trace.splitlines() if line and not line.startswith(("\t", " "))
    ]
    name, _, said = causes[-1].partition(": ") if causes else ("", "", "")
    return said or name
