"""The backend `existing`: a Kafka, and perhaps a namespace in a Kubernetes, that somebody else runs and gives rights in.

It starts nothing there but the services, and stops nothing there at all. What a lesson breaks elsewhere is refused here with
a sentence that says whose it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.external_site import FILE, Site, kept
from workshop.base.files import locked, write_atomically
from workshop.base.ports import first_of, free_block
from workshop.base.processes import Processes, kept_by, shown
from workshop.base.settings import Ports, Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import nobody
from workshop.kafka import access, probe
from workshop.kafka.access import KafkaSettings
from workshop.stack.brokers import runtime, tools
from workshop.stack.brokers.jars import pinned
from workshop.stack.external import cluster_access, forwarding, kafka_rights, kubernetes_rights, objects, reaching
from workshop.stack.external.ownership import not_ours
from workshop.stack.kubernetes import kubectl
from workshop.stack.toolchain import java

SECRET_PASSWORD, SECRET_CA = "password", "ca.pem"


class Existing:
    """Somebody else's Kafka and cluster."""

    name = "existing"
    owns_brokers = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.of(self.name)
        self.site = settings.site or kept(self.settings.state) or Site()
        self.processes = Processes(self.settings.state)

    @property
    def has_kubernetes(self) -> bool:
        """Whether a namespace was given."""
        return self.site.has_kubernetes

    def available(self) -> str:
        """Empty: what is missing is told by `up`, each in its own sentence."""
        return ""

    def was_made(self) -> bool:
        """Whether a stack of this backend lies in the state folder."""
        return (self.settings.state / FILE).exists()

    def runs(self) -> bool:
        """Whether anything of it runs on this machine."""
        return bool(self.processes.running())

    def up(self, timeline: Timeline) -> None:
        """See that Kafka and the cluster answer and give the rights that lessons need, before anything is made."""
        self.site.check()
        with timeline.step("Kafka answers"):
            access.prepare(self.site.kafka())
            kafka = self._kafka()
            brokers = reaching.must_answer(self.site, kafka)
        with timeline.step("rights in Kafka"):
            kafka.copies = min(access.USUAL_COPIES, brokers)
            kafka_rights.must_be_there(self.site, kafka)
        if self.has_kubernetes:
            self._see_cluster(timeline)
        self.site.write(self.settings.state)
        with locked(self.settings.cache / "ports.lock", self.settings.patience, "looks for ports"):
            ports = self._last_ports() if self.processes.running() else None
            ports = ports or free_block(self.settings, self._last_first())
            about = {"first": ports.first, "copies": kafka.copies}
            write_atomically(self._ports_file, json.dumps(about))
        self._bring_tools(timeline, kafka)

    def ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Nothing: Kafka was asked before."""

    def undo(self) -> None:
        """Nothing: what was started is known by its records."""

    def down(self) -> list[str]:
        """Stop what runs on this machine."""
        return self.processes.stop([forwarding.NAME])

    def reset(self) -> None:
        """Delete the participant's topics and groups, by the prefix, and the workshop's objects in the namespace, by label.

        Raises:
            WorkshopError: Kafka or the cluster does not answer, or refuses it.
        """
        if not self.was_made():
            return
        self.site.check()
        access.prepare(self.site.kafka())
        kafka = self._kafka()
        reaching.must_answer(self.site, kafka)
        if self.has_kubernetes:
            cluster_access.must_answer(cluster_access.client(self.settings), self.site)
            objects.remove_all(self.settings)  # first: they read and write what goes next
        kafka_rights.remove_all(kafka)

    def components(self) -> dict[str, dict]:
        """The brokers that answer, the pods in the namespace, and the way to them."""
        brokers = probe.described_brokers(self._kafka()) if self.was_made() else []
        found = {f"broker {one['broker_id']}": _at(one) for one in sorted(brokers, key=lambda one: one["broker_id"])}
        found = found or {"Kafka": {"state": "stopped"}}
        if self.has_kubernetes:
            with suppress(WorkshopError, ValueError):
                found |= kubectl.pod_states(self.settings)
            if not self.site.payments_url:
                found[forwarding.NAME] = shown(kept_by(self.processes.running().get(forwarding.NAME)))
        return found

    def ports(self) -> Ports:
        """The block of ports of this machine, for JupyterLab and the way to `payments`."""
        ports = self._last_ports()
        if ports is None:
            raise WorkshopError("No stack was started here yet.", "Run `workshop up`.")
        return ports

    def endpoints(self) -> dict:
        """How Kafka, Kubernetes and the services are reached; of the password, the file only."""
        copies = json.loads(self._ports_file.read_text())["copies"]
        found: dict[str, object] = {"kafka": {**self.site.kafka(), access.COPIES: copies}}
        if self.has_kubernetes:
            found["kubernetes"] = {"kubeconfig": str(self.settings.kubeconfig), "nodes": "somebody else's"}
            found["payments"] = self._payments
        return found

    def inside(self) -> dict[str, str]:
        """How pods reach Kafka, but for the password; and by which name `payments` is asked from outside."""
        site = self.site
        found = {"KAFKA_BOOTSTRAP": ",".join(site.inside), "KAFKA_PREFIX": site.prefix}
        if site.security != "PLAINTEXT":
            found["KAFKA_SECURITY"] = site.security
        if site.authenticated:
            found |= {"KAFKA_MECHANISM": site.mechanism, "KAFKA_USER": site.user}
        if site.payments_url:
            found["PUBLIC_HOST"] = site.payments_url.split("//", 1)[1].split("/", 1)[0]
        else:
            found["HOST"] = "0.0.0.0"  # noqa: S104 - in a pod: `kubectl port-forward` comes by the pod's own loopback
        return found

    def secret(self) -> dict[str, str]:
        """The files that pods find in the Secret."""
        kafka, found = self._kafka(), {}
        if self.site.authenticated:
            found[SECRET_PASSWORD] = kafka["sasl_plain_password"]
        if self.site.encrypted and self.site.ca:
            found[SECRET_CA] = Path(self.site.ca).read_text(encoding="utf-8")
        return found

    def expose(self, timeline: Timeline) -> None:
        """Make `payments` reachable from here, and see that it is.

        Raises:
            WorkshopError: it is not.
        """
        if not self.site.payments_url:
            self.processes.start(forwarding.component(self.settings, self.ports().payments))
        with timeline.step("payments answers"):
            forwarding.wait(self.settings, self.site, self._payments)

    def kubernetes_ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Nothing: the cluster was asked before, and its nodes are its owner's matter."""

    def kill_broker(self, node: int) -> None:
        """Refused."""
        raise not_ours(f"Broker {node} is not killed", "brokers")

    def pause_broker(self, node: int) -> None:
        """Refused."""
        raise not_ours(f"Broker {node} is not frozen", "brokers")

    def resume_broker(self, node: int) -> None:
        """Nothing: none was frozen here."""

    def start_broker(self, node: int) -> None:
        """Refused."""
        raise not_ours(f"Broker {node} is not started", "brokers")

    def broker_states(self) -> dict[int, str]:
        """All that answer are running; of others nothing is known."""
        return dict.fromkeys(sorted(probe.registered_brokers(self._kafka())), "running")

    def lose_node(self, name: str) -> None:
        """Refused."""
        raise not_ours(f"The node {name} does not lose its power", "nodes")

    def find_node(self, name: str) -> None:
        """Nothing: none was lost here."""

    def node_states(self) -> dict[str, str]:
        """Nothing: a participant may not even list them."""
        return {}

    def log_command(self, name: str, lines: int, *, follow: bool) -> list[str]:
        """What prints the log of a pod."""
        return kubectl.logs_program(self.settings, name, lines, follow=follow)

    def provision(self, timeline: Timeline) -> tuple[Path, ...]:
        """Bring Kafka's own tools, for `workshop shell`."""
        with timeline.step("Kafka's tools", sum(jar.size for jar in pinned(self.settings))) as progress:
            return runtime.fetch_jars(self.settings, progress)

    def provision_the_rest(self, timeline: Timeline) -> None:
        """Nothing."""

    def rights(self) -> dict[str, list[str]]:
        """What is missing now, a line each, for `workshop doctor`; also what one can do without.

        Raises:
            WorkshopError: Kafka or the cluster does not answer.
        """
        self.site.check()
        access.prepare(self.site.kafka())
        kafka = self._kafka()
        reaching.must_answer(self.site, kafka)
        found = {"Kafka": [f"may not {right.words}" for right in kafka_rights.missing(kafka)]}
        if self.has_kubernetes:
            api = cluster_access.client(self.settings)
            cluster_access.must_answer(api, self.site)
            lines = kubernetes_rights.lines(kubernetes_rights.missing(api, self.site))
            found[f"the namespace {self.site.namespace}"] = [line.strip() for line in lines]
        return found

    def _kafka(self) -> KafkaSettings:
        return access.client(self.site.kafka())

    def _see_cluster(self, timeline: Timeline) -> None:
        with timeline.step("Kubernetes answers"):
            cluster_access.write_kubeconfig(self.settings, self.site)
            api = cluster_access.client(self.settings)
            cluster_access.must_answer(api, self.site)
        with timeline.step("rights in the namespace"):
            optional = kubernetes_rights.must_be_there(api, self.site)
        for line in kubernetes_rights.lines(optional):
            timeline.say(f"Not given, and one can do without: {line.strip()}")

    def _bring_tools(self, timeline: Timeline, kafka: KafkaSettings) -> None:
        """Kafka's own tools with this user's settings; lessons do without them, so that a failure is only told."""
        secret = self.settings.state / "kafka" / "tools.properties"
        write_atomically(secret, access.for_java(kafka), mode=0o600)
        try:
            with locked(self.settings.cache / "kafka.lock", 900, "fetches Kafka's jars"):
                libs = self.provision(timeline)
            prepared = runtime.prepare(self.settings, java.find(self.settings), libs)
            tools.write_commands(self.settings, prepared, self.site.bootstrap, secret)
        except WorkshopError as error:
            self.settings.commands.mkdir(parents=True, exist_ok=True)
            timeline.say(f"Kafka's own tools are not there, and lessons do without them: {error.happened}")

    @property
    def _payments(self) -> str:
        return self.site.payments_url or f"http://127.0.0.1:{self.ports().payments}"

    @property
    def _ports_file(self) -> Path:
        return self.settings.state / "kafka" / "ports.json"

    def _last_first(self) -> int | None:
        return first_of(self._ports_file)

    def _last_ports(self) -> Ports | None:
        first = self._last_first()
        return Ports(first) if first else None


def _at(broker: dict) -> dict:
    return {"state": "running", "where": f"{broker['host']}:{broker['port']}"}
