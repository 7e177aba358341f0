"""The backend `kind`: a Kubernetes cluster of four nodes in Docker, with the brokers as a StatefulSet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from workshop.base.diagnostic import Finding
from workshop.base.errors import WorkshopError
from workshop.base.files import locked
from workshop.base.ports import LONGEST_SEARCH, free_block
from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import Seen, keep_trying, nobody, wait_until, wait_while_progressing
from workshop.stack.brokers import runtime, tools
from workshop.stack.brokers.jars import pinned
from workshop.stack.kubernetes import kubectl
from workshop.stack.kubernetes.kind import binary, brokers, engine, images, names, observing, preflight
from workshop.stack.kubernetes.kind.binary import kind_binary
from workshop.stack.kubernetes.kind.nodes import Nodes
from workshop.stack.kubernetes.restart_on_change import digest, start_anew
from workshop.stack.toolchain import java

PATIENCE = 120.0  # seconds without progress: a node's containers start at the speed of the disk
ROLLOUT_TIMEOUT = 300


class Kind:
    """Three brokers in a kind cluster with one control plane and three workers, one per zone."""

    name = "kind"
    owns_brokers = True
    needs_docker = True
    fits_in_a_bundle = False
    has_kubernetes = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.of(self.name)
        self.nodes = Nodes(self.settings)
        self._started_nodes = False

    def available(self) -> str:
        """Return an empty string if the cluster can be created here, otherwise the reason.

        A Docker engine must answer and be large enough, and the node image must exist or be available.
        """
        if why_not := engine.answers():
            return why_not
        troubles = [finding for finding in preflight.measure(self.settings) if not finding.good and finding.stops]
        if troubles:
            return f"{troubles[0].what}: {troubles[0].seen}"
        return images.can_be_had(self.settings)

    def up(self, timeline: Timeline) -> None:
        """Create or start the cluster, load images into it, and apply the brokers' StatefulSet."""
        preflight.must_pass(self.settings)
        kind, image, libs = self.provision(timeline)
        ports = self._bring_nodes(kind, image, timeline)
        self._bring_images(timeline)
        with timeline.step("the Kubernetes API answers") as step:
            look = observing.api(self.settings, self.nodes.control_plane)
            self._wait(look, step.tell, every=0.5, next_step=kubectl.ADVICE)
        with timeline.step("brokers declared") as step:
            declare = keep_trying(lambda: self._declare(ports), kubectl.may_pass, "Kubernetes to take the brokers")
            self._wait(declare, step.tell, every=1, next_step=kubectl.ADVICE)
        prepared = runtime.prepare(self.settings, java.find(self.settings), libs)
        tools.write_commands(self.settings, prepared, ports.bootstrap)

    def provision(self, timeline: Timeline) -> tuple[Path, str, tuple[Path, ...]]:
        """Download and build the parts of a cluster.

        Returns:
            kind's program, the node image's name, and Kafka's jars.
        """
        kind = kind_binary(self.settings, timeline)
        size = sum(jar.size for jar in pinned(self.settings))
        alone = locked(self.settings.cache / "kafka.lock", 900, "fetches Kafka's jars", timeline.say)
        with alone, timeline.step("Kafka's jars", size) as progress:
            libs = runtime.fetch_jars(self.settings, progress)
        with timeline.step("node image"):
            image = images.bring_node_image(self.settings)
        images.build(self.settings, timeline)
        return kind, image, libs

    def provision_the_rest(self, timeline: Timeline) -> None:
        """Load the image that nodes would otherwise pull after their start."""
        with timeline.step("metrics-server's image"):
            images.bring_what_nodes_pull(self.settings)

    def provided(self) -> dict[str, list[Path]]:
        """Return kind's program."""
        found = binary.find(self.settings)
        return {"kind": [found] if found else []}

    def images(self) -> dict[str, int]:
        """Return the sizes of the images in the Docker engine."""
        return images.sizes(self.settings)

    def examine(self, kubernetes: str) -> Iterator[Finding]:
        """Check nothing more: the engine is checked for every backend."""
        yield from ()

    def ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Wait until three brokers are registered.

        Raises:
            WorkshopError: a broker is not registered in time; the detail lists the pods.
        """
        look = observing.brokers(self.settings, {"bootstrap_servers": self.ports().bootstrap})
        next_step = "`workshop logs kafka-1` shows more; `workshop up` goes on."
        self._wait(look, tell, every=0.5, next_step=next_step, detail=self._pods_as_text)

    def _wait(self, look: Callable[[], Seen], tell: Callable[[str], None], **more: Any) -> None:
        """Wait as long as there is progress.

        Nodes, images and pods start in sequence, each at the speed of the disk.
        """
        wait_while_progressing(look, max(PATIENCE, self.settings.patience), tell=tell, **more)

    def was_made(self) -> bool:
        """Return whether a cluster was created here completely."""
        record = self.nodes.record()
        return bool(record and record.control_plane)

    def runs(self) -> bool:
        """Return whether a node runs; without Docker, none can."""
        return bool(
            self.nodes.record() and not engine.answers() and engine.containers(self.nodes.name, all_of_them=False)
        )

    def undo(self) -> None:
        """Stop the nodes after a failed `up`, if that `up` started them; the next `up` reuses them."""
        if self._started_nodes:
            with suppress(WorkshopError):
                self.nodes.stop()

    def down(self) -> list[str]:
        """Stop the nodes and keep their data; without Docker, no node can run."""
        return self.nodes.stop() if not engine.answers() else []

    def reset(self) -> None:
        """Delete the cluster and its data.

        Raises:
            WorkshopError: no Docker engine answers, so the cluster cannot be deleted.
        """
        if self.nodes.record() is None:
            return
        if why_not := engine.answers():
            raise WorkshopError(
                f"The cluster {self.nodes.name} cannot be deleted: {why_not}.", "Start Docker, then `workshop reset`."
            )
        self.nodes.delete(kind_binary(self.settings, Timeline()))

    def components(self) -> dict[str, dict]:
        """Return the state of each node and of each of the workshop's pods."""
        if engine.answers():
            return {self.nodes.name: {"state": "stopped"}}
        running = engine.containers(self.nodes.name, all_of_them=False)
        names = sorted(engine.containers(self.nodes.name)) or [self.nodes.name]
        states = {name: {"state": "running" if name in running else "stopped"} for name in names}
        with suppress(WorkshopError, ValueError):
            if running:
                states |= kubectl.pod_states(self.settings)
        return states

    def endpoints(self) -> dict:
        """Return the addresses of the brokers, the services and Kubernetes."""
        ports = self.ports()
        return {
            "kafka": {"bootstrap_servers": ports.bootstrap},
            "kubernetes": {"kubeconfig": str(self.settings.kubeconfig), "nodes": "kind"},
            "payments": f"http://127.0.0.1:{ports.payments}",
        }

    def inside(self) -> dict[str, str]:
        """Return the pods' settings for Kafka, which become part of the ConfigMap `workshop`."""
        return {"KAFKA_BOOTSTRAP": brokers.INTERNAL}

    def secret(self) -> dict[str, str]:
        """Return an empty dictionary: these brokers require no credentials."""
        return {}

    def expose(self, timeline: Timeline) -> None:
        """Do nothing: a port of this machine is mapped to the nodes' port."""

    def kill_broker(self, node: int) -> None:
        """Kill a broker without an orderly shutdown, as in a power failure; its pod does not restart it."""
        brokers.Control.tell(self.settings, node, "kill")

    def pause_broker(self, node: int) -> None:
        """Freeze a broker."""
        brokers.Control.tell(self.settings, node, "pause")

    def resume_broker(self, node: int) -> None:
        """Resume a frozen broker."""
        brokers.Control.tell(self.settings, node, "resume")

    def start_broker(self, node: int) -> None:
        """Start a stopped broker on its own data; return before it is registered.

        The function waits for the broker's pod, which takes a while to return after its node was lost.
        """

        def told() -> bool:
            with suppress(WorkshopError):
                return bool(brokers.Control.tell(self.settings, node, "start"))
            return False

        next_step = "`workshop up` repairs the stack."
        wait_until(told, max(120, self.settings.patience), f"broker {node}'s pod to answer", next_step=next_step)

    def broker_states(self) -> dict[int, str]:
        """Return `running`, `paused` or `stopped` by broker number."""
        return brokers.states(self.settings)

    def log_command(self, name: str, lines: int, *, follow: bool) -> list[str]:
        """Return the command that prints the log of a node or of a pod."""
        more = ["--follow"] if follow else []
        if name in engine.containers(self.nodes.name):
            return ["docker", "logs", f"--tail={lines}", *more, name]
        return kubectl.logs_program(self.settings, name, lines, follow=follow)

    def kubernetes_ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Do nothing: the brokers run in the cluster, so it is ready."""

    def lose_node(self, name: str) -> None:
        """Kill a node's container, as in a power failure."""
        engine.docker("kill", name)

    def find_node(self, name: str) -> None:
        """Start the container of a lost node again."""
        engine.docker("start", name)

    def node_states(self) -> dict[str, str]:
        """Return `running` or `stopped` by worker name."""
        running = engine.containers(self.nodes.name, all_of_them=False)
        workers = sorted(name for name in engine.containers(self.nodes.name) if "-worker" in name)
        return {name: "running" if name in running else "stopped" for name in workers}

    def _bring_nodes(self, kind: Path, image: str, timeline: Timeline) -> Ports:
        state = self.nodes.state()
        if state in ("running", "stopped"):
            self.nodes.must_fit(image)
        if state == "stopped":
            self._started_nodes = True
            with timeline.step("nodes started again"):
                self.nodes.start()
        if state in ("none", "half"):
            self._started_nodes = True
            # Two checkouts that search for ports at the same time must not choose the same ones.
            with locked(self.settings.cache / "ports.lock", LONGEST_SEARCH, "starts a cluster", timeline.say):
                ports = free_block(self.settings)
                with timeline.step("four Kubernetes nodes"):
                    self.nodes.create(kind, image, ports)
        self.nodes.write_kubeconfig(kind)
        return self.ports()

    def _bring_images(self, timeline: Timeline) -> None:
        ours = [images.KAFKA, images.SERVICES]
        with timeline.step("images in the nodes") as step:
            if images.bring_metrics_server(self.settings):
                ours.append(images.METRICS_SERVER)
            images.into_nodes(self.nodes.name, ours, max(PATIENCE, self.settings.patience), step.tell)

    def _declare(self, ports: Ports) -> None:
        kubectl.apply(self.settings, [names.coredns(self.nodes.control_plane)], manager="workshop")
        kubectl.apply(
            self.settings, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": kubectl.NAMESPACE}}]
        )
        written = brokers.settings_map(self.settings, ports, self._cluster_id())
        kubectl.apply(self.settings, [written])
        kubectl.apply_folder(self.settings, "infra/deploy/kubernetes/kafka")
        kubectl.apply_folder(self.settings, "infra/deploy/kubernetes/metrics-server")
        self._brokers_as_declared(digest(json.dumps(written, sort_keys=True), images.kafka_sources()))

    def _brokers_as_declared(self, now: str) -> None:
        """Restart brokers that run with other settings or from another image, one after the other."""
        if start_anew(self.settings, ("statefulset/kafka",), now):
            words = ("rollout", "status", "statefulset/kafka", f"--timeout={ROLLOUT_TIMEOUT}s")
            kubectl.kubectl(self.settings, *words, timeout=ROLLOUT_TIMEOUT + 30)

    def _cluster_id(self) -> str:
        with suppress(WorkshopError, KeyError):
            return kubectl.get(self.settings, "configmap", "kafka")["data"]["cluster-id"]
        return brokers.new_cluster_id()

    def _pods_as_text(self) -> str:
        with suppress(WorkshopError):
            return kubectl.kubectl(self.settings, "get", "pods", "-o", "wide")
        return ""

    def ports(self) -> Ports:
        """Return the stack's block of ports on the host."""
        record = self.nodes.record()
        if record is None:
            raise WorkshopError("No cluster was made here yet.", "Run `workshop up --backend kind`.")
        return Ports(record.first_port)
