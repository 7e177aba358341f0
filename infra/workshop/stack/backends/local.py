"""The backend `local`: three real brokers as processes on this machine, on loopback only; on Linux with Kubernetes."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import psutil

from workshop.base.errors import WorkshopError
from workshop.base.files import locked, write_atomically
from workshop.base.ports import answers, first_of, free_block
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
from workshop.stack.toolchain import java

CLUSTER_ID = re.compile(r"[A-Za-z0-9_-]{22}")
PREPARING = "prepares Kafka for the first start"
# Kafka writes this file when a broker's logs are closed and on disk. What its controller holds is on disk at any time, as it
# votes and answers only after that; but the last one to leave would wait five seconds for a successor.
CLOSED = ".kafka_cleanshutdown"
SLACK = 0.05  # seconds by which brokers' timeouts may come late: a sign of life is missed 0.65 s after it was due


class Local:
    """Three combined KRaft nodes: each is a broker and a controller."""

    name = "local"
    owns_brokers = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.of(self.name)
        self.processes = Processes(self.settings.state)
        self.folder = self.settings.state / "kafka"

    def available(self) -> str:
        """Empty: wherever Python runs on Linux or macOS, it can be used."""
        if sys.platform in ("linux", "darwin"):
            return ""
        return "The local backend needs Linux, WSL2 or macOS: on Windows, run it in WSL2."

    @property
    def has_kubernetes(self) -> bool:
        """Whether its control plane is built: until then, brokers alone are the stack, and it is being built."""
        return is_wanted(self.settings) and is_built(self.settings)

    def up(self, timeline: Timeline) -> None:
        """Bring what brokers need, then start those that do not run, and Kubernetes."""
        ready_to_run = self.provision(timeline)
        running = self._running_here()
        # Two checkouts that look for ports at the same time must not find the same ones.
        with locked(self.settings.cache / "ports.lock", self.settings.patience, "starts brokers"):
            ports = self.ports() if running else self._block()
            write_atomically(self.folder / "ports.json", json.dumps({"first": ports.first}))
            with timeline.step("three brokers listen") as step:
                for node in NODES:
                    self._start(node, ports, ready_to_run)
                if self.has_kubernetes:
                    self._kubernetes().start_plane()
                self._wait_for_ports(ports, step.tell)
        # Nodes after the brokers: pods that were there before are started at once, and look for them. The control plane, too,
        # if another checkout has compiled it meanwhile.
        if self.has_kubernetes:
            self._kubernetes().start()
        if is_wanted(self.settings) and not self.has_kubernetes:
            background_build.start(self.settings)
            timeline.say("Kubernetes is compiled in the background, once; until then, Kafka's lessons work.")
        tools.write_commands(self.settings, ready_to_run, ports.bootstrap)

    def ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until three brokers are registered.

        Raises:
            WorkshopError: they are not in time, or one of them died; with the end of its log.
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
        """Which brokers are not there yet; what these do meanwhile is progress."""
        missing = [node for node in NODES if node not in there]
        if not missing:
            return over(True)
        work = work_of(self.processes.recorded(f"kafka-{node}") for node in missing)
        return Seen(brokers_missing(missing, what), work)

    def undo(self) -> None:
        """Nothing: what was started is known by its records."""

    def down(self) -> list[str]:
        """Stop all brokers, all at once."""
        return self.processes.stop(self._names())

    def reset(self) -> None:
        """Nothing: all that it stores lies in the state folder."""

    def was_made(self) -> bool:
        """Whether brokers were started here before."""
        return self._cluster_id_file.exists()

    def runs(self) -> bool:
        """Whether anything of it runs."""
        return bool(self.processes.running())

    def components(self) -> dict[str, dict]:
        """The brokers, with what `workshop status` shows."""
        running = self.processes.running()
        found = {name: shown(running.get(name)) for name in self._names()}
        if self.has_kubernetes and self.was_made():
            found |= {name: shown(kept_by(running.get(name))) for name in (PLANE, AGENT)}
            found |= self._kubernetes().pods()
        return found

    def _names(self) -> list[str]:
        return [f"kafka-{node}" for node in NODES]

    def endpoints(self) -> dict:
        """Where the brokers are, and Kubernetes and the services where they are there."""
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
        """A node as without power: its pods' processes end, and it says nothing more."""
        self._kubernetes().lose_node(name)

    def find_node(self, name: str) -> None:
        """A lost node has power again."""
        self._kubernetes().find_node(name)

    def node_states(self) -> dict[str, str]:
        """`running` or `stopped`, by the node's name."""
        return self._kubernetes().node_states() if self.has_kubernetes else {}

    def log_command(self, name: str, lines: int, *, follow: bool) -> list[str]:
        """What prints the log of a pod."""
        return kubectl.logs_program(self.settings, name, lines, follow=follow)

    def _kubernetes(self) -> LocalKubernetes:
        return LocalKubernetes(self.settings, self.ports())

    def inside(self) -> dict[str, str]:
        """Pods reach Kafka as everybody does."""
        return {"KAFKA_BOOTSTRAP": ",".join(self.ports().bootstrap)}

    def secret(self) -> dict[str, str]:
        """Nothing: these brokers ask nobody who they are."""
        return {}

    def expose(self, timeline: Timeline) -> None:
        """Nothing: the node agent listens on a port of this machine."""

    def kill_broker(self, node: int) -> None:
        """End a broker without a word, as a power cut does."""
        self.processes.signal(f"kafka-{node}", signal.SIGKILL)

    def pause_broker(self, node: int) -> None:
        """Freeze a broker: it stays there and answers nothing, as behind a cut network."""
        self.processes.signal(f"kafka-{node}", signal.SIGSTOP)

    def resume_broker(self, node: int) -> None:
        """Let a frozen broker go on."""
        self.processes.signal(f"kafka-{node}", signal.SIGCONT)

    def start_broker(self, node: int) -> None:
        """Start a broker that is dead, on its own data; returns before it is registered."""
        libs = tuple(runtime.folder(self.settings) / "libs" / jar.name for jar in pinned(self.settings))
        self._start(node, self.ports(), runtime.prepare(self.settings, java.find(self.settings), libs))

    def broker_states(self) -> dict[int, str]:
        """`running`, `paused` or `stopped`, by the broker's number."""
        running = self.processes.running()
        return {node: state_of(running.get(f"kafka-{node}")) for node in NODES}

    def provision(self, timeline: Timeline) -> runtime.Runtime:
        """Bring and make what brokers need before they can start; nothing is started."""
        settings = self.settings
        found = java.find(settings)
        with locked(settings.cache / "kafka.lock", 900, PREPARING):
            size = sum(jar.size for jar in pinned(settings))
            with timeline.step("Kafka's jars", size) as progress:
                libs = runtime.fetch_jars(settings, progress)
            prepared = runtime.prepare(settings, found, libs)
            if not runtime.is_trained(settings, prepared):
                with timeline.step("first start recorded, once"):
                    prepared = runtime.train(settings, prepared, timeline.say)
        return prepared

    def provision_the_rest(self, timeline: Timeline) -> None:
        """Bring Kubernetes' control plane, which `up` would compile in the background."""
        if is_wanted(self.settings):
            provide(self.settings, timeline)

    def _running_here(self) -> dict[str, psutil.Process]:
        """Our brokers that run and can be kept; those whose folder was taken away are ended."""
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
        """The block that this stack had, also if some of it still runs there; otherwise another one, for all of it."""
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
        """Raises:
        WorkshopError: a broker died; with the end of its log.
        """
        for name in self._names():
            if not self.processes.lives(name) and name not in self.processes.running():
                raise WorkshopError(
                    f"{name} ended right after its start. The end of its log:",
                    _advice(self.processes.tail(name, 60), name),
                    _without_stack_trace(self.processes.tail(name, 30)),
                )

    @property
    def _cluster_id_file(self) -> Path:
        return self.folder / "cluster.id"

    def _cluster_id(self) -> str:
        written = self._cluster_id_file.read_text(errors="replace") if self._cluster_id_file.exists() else ""
        if not CLUSTER_ID.fullmatch(written):  # none yet, or a damaged file: then the brokers' own data have it
            written = runtime.formatted_for(self.folder) or runtime.random_id()
            write_atomically(self._cluster_id_file, written)
        return written

    def _last_block(self) -> int | None:
        return first_of(self.folder / "ports.json")

    def ports(self) -> Ports:
        """The block of ports that this stack has."""
        first = self._last_block()
        if first is None:
            raise WorkshopError("No stack was started here yet.", "Run `workshop up`.")
        return Ports(first)


def _without_stack_trace(log: str) -> str:
    return "\n".join([line for line in log.splitlines() if not line.lstrip().startswith("at ")][-8:])


def _advice(log: str, name: str) -> str:
    if "Address already in use" in log:
        return "A port was taken by another program meanwhile: `workshop down`, then `workshop up` finds other ones."
    if "No space left on device" in log:
        return "The disk is full: free some space, then `workshop up`."
    if "OutOfMemory" in log or "insufficient memory" in log:
        return "There is not enough memory: the brokers need about 500 MB. Close something, then `workshop up`."
    if any(word in log for word in ("NoClassDefFoundError", "ClassNotFoundException", "ZipException", "LinkageError")):
        return "A jar may be damaged: `workshop doctor` checks each of them."
    return f"`workshop logs {name}` shows all of it; `workshop reset` starts with empty brokers."
