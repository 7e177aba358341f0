"""The backend `local`: three brokers as processes on loopback, on Linux with Kubernetes."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import psutil

from workshop.base.diagnosis import OF_SERVERS, Diagnosis, diagnose
from workshop.base.diagnostic import Finding
from workshop.base.errors import WorkshopError
from workshop.base.files import locked, write_atomically
from workshop.base.ports import LONGEST_SEARCH, answers, first_of, free_block
from workshop.base.processes import Component, Processes, kept_by, shown, state_of, work_of
from workshop.base.settings import NODES, Ports, Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import Seen, nobody, over, wait_while_progressing
from workshop.kafka.probe import brokers_missing, registered_brokers
from workshop.kafka.properties import on_loopback, server_properties
from workshop.stack.backends.local_kubernetes import AGENT, PLANE, LocalKubernetes, is_built, is_wanted, provide
from workshop.stack.brokers import runtime, tools
from workshop.stack.brokers.jars import pinned
from workshop.stack.kubernetes import background_build, kubectl
from workshop.stack.kubernetes.controlplane import build
from workshop.stack.kubernetes.controlplane import progress as compiling
from workshop.stack.toolchain import java

CLUSTER_ID = re.compile(r"[A-Za-z0-9_-]{22}")
PREPARING = "prepares Kafka for the first start"
# Kafka writes this file when a broker's logs are closed and on disk. The controller's data are on disk at any time, as it
# votes and answers only after a flush. So they may be killed then: the last controller would wait 5 s for a successor.
CLOSED = ".kafka_cleanshutdown"
SLACK = 0.05  # timer slack in seconds; a heartbeat may be 0.65 s late before its session times out


class Local:
    """Three combined KRaft nodes: each is a broker and a controller."""

    name = "local"
    owns_brokers = True
    needs_docker = False
    fits_in_a_bundle = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.of(self.name)
        self.processes = Processes(self.settings.state)
        self.folder = self.settings.state / "kafka"

    def available(self) -> str:
        """Return an empty string on Linux and macOS, otherwise the reason why the backend cannot be used."""
        if sys.platform in ("linux", "darwin"):
            return ""
        return "The local backend needs Linux, WSL2 or macOS: on Windows, run it in WSL2."

    @property
    def has_kubernetes(self) -> bool:
        """Whether Kubernetes is wanted and its control plane is built.

        Until it is, the stack consists of the brokers, and the control plane is compiled in the background.
        """
        return is_wanted(self.settings) and is_built(self.settings)

    def up(self, timeline: Timeline) -> None:
        """Provide what brokers need, then start the missing brokers and Kubernetes."""
        ready_to_run = self.provision(timeline)
        running = self._running_here()
        # Two checkouts that search for ports at the same time must not choose the same ones.
        with locked(self.settings.cache / "ports.lock", LONGEST_SEARCH, "starts brokers", timeline.say):
            ports = self.ports() if running else self._block()
            write_atomically(self.folder / "ports.json", json.dumps({"first": ports.first}))
            with timeline.step("three brokers listen") as step:
                for node in NODES:
                    self._start(node, ports, ready_to_run)
                if self.has_kubernetes:
                    self._kubernetes().start_plane()
                self._wait_for_ports(ports, step.tell)
        # Nodes after the brokers: pods of an earlier run start at once and connect to the brokers. If another checkout has
        # compiled the control plane meanwhile, it is started here too.
        if self.has_kubernetes:
            self._kubernetes().start()
        if is_wanted(self.settings) and not self.has_kubernetes:
            background_build.start(self.settings)
            timeline.say("Kubernetes is compiled in the background, once; until then, Kafka's lessons work.")
        tools.write_commands(self.settings, ready_to_run, ports.bootstrap)

    def ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until three brokers are registered.

        Raises:
            WorkshopError: a broker is not registered in time or died; the detail is the end of its log.
        """
        kafka = {"bootstrap_servers": self.ports().bootstrap}

        def look() -> Seen[bool]:
            self._all_alive()
            return self._seen(registered_brokers(kafka), "registered")

        wait_while_progressing(
            look,
            self.settings.patience,
            tell=tell,
            next_step="`workshop logs kafka-1` shows more; `workshop down` and `workshop up` start afresh.",
            detail=lambda: self.processes.tail("kafka-1", 8),
        )

    def _seen(self, there: Collection[int], what: str) -> Seen[bool]:
        """Return which brokers are still missing; the work of their processes counts as progress."""
        missing = [node for node in NODES if node not in there]
        if not missing:
            return over(True)
        work = work_of(self.processes.recorded(f"kafka-{node}") for node in missing)
        return Seen(brokers_missing(missing, what), work)

    def undo(self) -> None:
        """Do nothing: process records list everything that was started."""

    def down(self) -> list[str]:
        """Stop all brokers in parallel."""
        return self.processes.stop(self._names())

    def reset(self) -> None:
        """Do nothing: all data are in the state folder."""

    def was_made(self) -> bool:
        """Return whether brokers were started here before."""
        return self._cluster_id_file.exists()

    def runs(self) -> bool:
        """Return whether any process of the stack runs."""
        return bool(self.processes.running())

    def components(self) -> dict[str, dict]:
        """Return the brokers and Kubernetes' components, with what `workshop status` shows."""
        running = self.processes.running()
        found = {name: shown(running.get(name)) for name in self._names()}
        if self.has_kubernetes and self.was_made():
            found |= {name: shown(kept_by(running.get(name))) for name in (PLANE, AGENT)}
            found |= self._kubernetes().pods()
        return found

    def _names(self) -> list[str]:
        return [f"kafka-{node}" for node in NODES]

    def endpoints(self) -> dict:
        """Return the addresses of the brokers, and of Kubernetes and the services if the stack has them."""
        ports = self.ports()
        found: dict[str, object] = {"kafka": {"bootstrap_servers": ports.bootstrap}}
        if self.has_kubernetes:
            found["kubernetes"] = {"kubeconfig": str(self.settings.kubeconfig), "nodes": "processes"}
            found["payments"] = f"http://127.0.0.1:{ports.payments}"
        return found

    def kubernetes_ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until the control plane answers and three nodes are ready."""
        self._kubernetes().wait(tell)

    def lose_node(self, name: str) -> None:
        """Stop a node as in a power failure: its pods' processes end, and it stops reporting."""
        self._kubernetes().lose_node(name)

    def find_node(self, name: str) -> None:
        """Restart a lost node."""
        self._kubernetes().find_node(name)

    def node_states(self) -> dict[str, str]:
        """Return `running` or `stopped` by node name."""
        return self._kubernetes().node_states() if self.has_kubernetes else {}

    def log_command(self, name: str, lines: int, *, follow: bool) -> list[str]:
        """Return the command that prints a pod's log."""
        return kubectl.logs_program(self.settings, name, lines, follow=follow)

    def _kubernetes(self) -> LocalKubernetes:
        return LocalKubernetes(self.settings, self.ports())

    def inside(self) -> dict[str, str]:
        """Return the pods' settings for Kafka: the same addresses as for every client."""
        return {"KAFKA_BOOTSTRAP": ",".join(self.ports().bootstrap)}

    def secret(self) -> dict[str, str]:
        """Return an empty dictionary: these brokers require no credentials."""
        return {}

    def expose(self, timeline: Timeline) -> None:
        """Do nothing: the node agent listens on a port of this machine."""

    def kill_broker(self, node: int) -> None:
        """Kill a broker without an orderly shutdown, as in a power failure."""
        self.processes.signal(f"kafka-{node}", signal.SIGKILL)

    def pause_broker(self, node: int) -> None:
        """Freeze a broker: its process exists but does not respond, as behind a broken network."""
        self.processes.signal(f"kafka-{node}", signal.SIGSTOP)

    def resume_broker(self, node: int) -> None:
        """Resume a frozen broker."""
        self.processes.signal(f"kafka-{node}", signal.SIGCONT)

    def start_broker(self, node: int) -> None:
        """Start a stopped broker on its own data; return before it is registered."""
        libs = tuple(runtime.folder(self.settings) / "libs" / jar.name for jar in pinned(self.settings))
        self._start(node, self.ports(), runtime.prepare(self.settings, java.find(self.settings), libs))

    def broker_states(self) -> dict[int, str]:
        """Return `running`, `paused` or `stopped` by broker number."""
        running = self.processes.running()
        return {node: state_of(running.get(f"kafka-{node}")) for node in NODES}

    def provision(self, timeline: Timeline) -> runtime.Runtime:
        """Download and create what brokers need before they can start; start nothing."""
        settings = self.settings
        found = java.find(settings)
        with locked(settings.cache / "kafka.lock", 900, PREPARING, timeline.say):
            size = sum(jar.size for jar in pinned(settings))
            with timeline.step("Kafka's jars", size) as progress:
                libs = runtime.fetch_jars(settings, progress)
            prepared = runtime.prepare(settings, found, libs)
            if not runtime.is_trained(settings, prepared):
                with timeline.step("first start recorded, once"):
                    prepared = runtime.train(settings, prepared, timeline.say)
        return prepared

    def provision_the_rest(self, timeline: Timeline) -> None:
        """Build or download Kubernetes' control plane, which `up` would do in the background."""
        if is_wanted(self.settings):
            provide(self.settings, timeline)

    def provided(self) -> dict[str, list[Path]]:
        """Return the program of Kubernetes' control plane, if it is wanted."""
        if not is_wanted(self.settings):
            return {}
        found = build.find(self.settings)
        return {"Kubernetes' control plane": [found] if found else []}

    def images(self) -> dict[str, int]:
        """Return no image: pods are processes."""
        return {}

    def examine(self, kubernetes: str) -> Iterator[Finding]:
        """Check whether Kubernetes' control plane is compiled."""
        if not is_wanted(self.settings):
            return
        if is_built(self.settings):
            yield Finding(True, "Kubernetes", "its control plane is built")
            return
        failed = compiling.read(self.settings).get("state") == "failed"
        later = "its control plane is still to be compiled: `workshop up` does it in the background, once"
        hint = "`workshop logs kubernetes-build` shows why; `workshop up` tries again. Kafka's lessons need none."
        yield Finding(not failed, "Kubernetes", kubernetes or later, hint)

    def _running_here(self) -> dict[str, psutil.Process]:
        """Return the stack's brokers that run; if their state folder was deleted, stop them instead.

        Frozen brokers are resumed.
        """
        running = {name: p for name, p in self.processes.running().items() if name in self._names()}
        if running and not (self._last_block() and self._cluster_id_file.exists()):
            self.down()
            return {}
        for process in running.values():
            process.send_signal(signal.SIGCONT)
        return running

    def _start(self, node: int, ports: Ports, ready_to_run: runtime.Runtime) -> None:
        home = self.folder / f"node-{node}"
        scratch = home / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        common = (self.settings.root / "infra/deploy/kafka/broker.properties").read_text()
        properties = home / "server.properties"
        write_atomically(properties, server_properties(common, on_loopback(node, ports, home / "data")))
        runtime.format_folder(home / "data", ready_to_run, self._cluster_id(), node)
        self.processes.start(
            Component(
                name=f"kafka-{node}",
                argv=ready_to_run.command(runtime.BROKER_CLASS, str(properties), scratch=scratch),
                env=runtime.environment(scratch),
                cwd=home,
                ports=(ports.broker(node), ports.controller(node)),
                grace=30.0,
                slack=SLACK,
                saved=home / "data" / CLOSED,
            )
        )

    def _block(self) -> Ports:
        """Return the stack's last block of ports if it is free or in use by the stack itself, else a new one.

        For a new block, running components are stopped first, so that all use the same one.
        """
        last = self._last_block()
        found = free_block(self.settings, last, self.processes.listening())
        if found.first != last:
            self.processes.stop(self.processes.running())
        return found

    def _wait_for_ports(self, ports: Ports, tell: Callable[[str], None]) -> None:
        def look() -> Seen[bool]:
            self._all_alive()
            there = [n for n in NODES if answers(ports.broker(n)) and answers(ports.controller(n))]
            return self._seen(there, "listening")

        wait_while_progressing(
            look,
            self.settings.patience,
            tell=tell,
            next_step="`workshop logs kafka-1` shows more; set WORKSHOP_PATIENCE (seconds) on a slow machine.",
            detail=lambda: self.processes.tail("kafka-1", 8),
        )

    def _all_alive(self) -> None:
        """Check that no broker has died.

        Raises:
            WorkshopError: a broker died; the detail is the end of its log.
        """
        for name in self._names():
            if not self.processes.lives(name) and name not in self.processes.running():
                raise WorkshopError(
                    f"{name} ended right after its start. The end of its log:",
                    diagnose(self.processes.tail(name, 60), ENDED, name=name).advice,
                    _without_stack_trace(self.processes.tail(name, 30)),
                )

    @property
    def _cluster_id_file(self) -> Path:
        return self.folder / "cluster.id"

    def _cluster_id(self) -> str:
        written = self._cluster_id_file.read_text(errors="replace") if self._cluster_id_file.exists() else ""
        if not CLUSTER_ID.fullmatch(written):  # no file, or a damaged one: the brokers' data contain the id
            written = runtime.formatted_for(self.folder) or runtime.random_id()
            write_atomically(self._cluster_id_file, written)
        return written

    def _last_block(self) -> int | None:
        return first_of(self.folder / "ports.json")

    def ports(self) -> Ports:
        """Return the stack's block of ports."""
        first = self._last_block()
        if first is None:
            raise WorkshopError("No stack was started here yet.", "Run `workshop up`.")
        return Ports(first)


def _without_stack_trace(log: str) -> str:
    return "\n".join([line for line in log.splitlines() if not line.lstrip().startswith("at ")][-8:])


# Texts in the log of a broker that ended.
ENDED = (
    *OF_SERVERS,
    Diagnosis(
        "Java heap space|GC overhead limit",
        "It used all of the memory that a broker may use: it has too many topics.",
        "Run `workshop up`; the last cell of a lesson deletes its topics. `workshop reset` starts with empty brokers.",
    ),
    Diagnosis(
        "OutOfMemory|insufficient memory",
        "There is not enough memory: the brokers need about 500 MB.",
        "Close a program, then run `workshop up`.",
    ),
    Diagnosis(
        "NoClassDefFoundError|ClassNotFoundException|ZipException|LinkageError",
        "A jar may be damaged.",
        "`workshop doctor` checks each of them.",
    ),
    Diagnosis("", "", "`workshop logs {name}` shows all of it; `workshop reset` starts with empty brokers."),
)
