"""The backend `existing`: a Kafka, and optionally a Kubernetes namespace, that others operate.

It deploys only the services there, and never stops anything there. Faults are refused with a message that names the owner.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from workshop.base.diagnostic import Finding
from workshop.base.errors import WorkshopError
from workshop.base.external_site import FILE, Site, kept
from workshop.base.files import locked, write_atomically
from workshop.base.ports import LONGEST_SEARCH, first_of, free_block
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
    """A Kafka and a cluster that others operate."""

    name = "existing"
    owns_brokers = False
    needs_docker = False
    fits_in_a_bundle = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.of(self.name)
        self.site = settings.site or kept(self.settings.state) or Site()
        self.processes = Processes(self.settings.state)

    @property
    def has_kubernetes(self) -> bool:
        """Whether the settings name a namespace."""
        return self.site.has_kubernetes

    def available(self) -> str:
        """Return an empty string: `up` reports what is missing."""
        return ""

    def was_made(self) -> bool:
        """Return whether the state folder contains a stack of this backend."""
        return (self.settings.state / FILE).exists()

    def runs(self) -> bool:
        """Return whether a process of the stack runs on this machine."""
        return bool(self.processes.running())

    def up(self, timeline: Timeline) -> None:
        """Check that Kafka and the cluster answer and grant the needed rights; then choose ports.

        The rights are checked before anything is created. Kafka's command-line tools are written last.
        """
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
        with locked(self.settings.cache / "ports.lock", LONGEST_SEARCH, "looks for ports", timeline.say):
            ports = self._last_ports() if self.processes.running() else None
            ports = ports or free_block(self.settings, self._last_first())
            about = {"first": ports.first, "copies": kafka.copies}
            write_atomically(self._ports_file, json.dumps(about))
        self._bring_tools(timeline, kafka)

    def ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Do nothing: `up` has checked Kafka."""

    def undo(self) -> None:
        """Do nothing: process records list everything that was started."""

    def down(self) -> list[str]:
        """Stop the processes on this machine."""
        return self.processes.stop([forwarding.NAME])

    def reset(self) -> None:
        """Delete the participant's topics and groups, and the workshop's objects in the namespace.

        Topics and groups are selected by prefix, objects by label.

        Raises:
            WorkshopError: Kafka or the cluster does not answer, or refuses the deletion.
        """
        if not self.was_made():
            return
        self.site.check()
        access.prepare(self.site.kafka())
        kafka = self._kafka()
        reaching.must_answer(self.site, kafka)
        if self.has_kubernetes:
            cluster_access.must_answer(cluster_access.client(self.settings), self.site)
            objects.remove_all(self.settings)  # first: the services use the topics that are deleted next
        kafka_rights.remove_all(kafka)

    def components(self) -> dict[str, dict]:
        """Return the brokers that answer, the pods in the namespace, and the port forwarding."""
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
        """Return the stack's block of ports on this machine, for JupyterLab and `payments`."""
        ports = self._last_ports()
        if ports is None:
            raise WorkshopError("No stack was started here yet.", "Run `workshop up`.")
        return ports

    def endpoints(self) -> dict:
        """Return the addresses of Kafka, Kubernetes and the services, with the path of the password's file."""
        copies = json.loads(self._ports_file.read_text())["copies"]
        found: dict[str, object] = {"kafka": {**self.site.kafka(), access.COPIES: copies}}
        if self.has_kubernetes:
            found["kubernetes"] = {"kubeconfig": str(self.settings.kubeconfig), "nodes": "somebody else's"}
            found["payments"] = self._payments
        return found

    def inside(self) -> dict[str, str]:
        """Return the pods' settings: access to Kafka without the password, and the host name of `payments`."""
        site = self.site
        found = {"KAFKA_BOOTSTRAP": ",".join(site.inside), "KAFKA_PREFIX": site.prefix}
        if site.security != "PLAINTEXT":
            found["KAFKA_SECURITY"] = site.security
        if site.authenticated:
            found |= {"KAFKA_MECHANISM": site.mechanism, "KAFKA_USER": site.user}
        if site.payments_url:
            found["PUBLIC_HOST"] = site.payments_url.split("//", 1)[1].split("/", 1)[0]
        else:
            found["HOST"] = "0.0.0.0"  # noqa: S104 - in a pod: `kubectl port-forward` connects to the pod's loopback
        return found

    def secret(self) -> dict[str, str]:
        """Return the files of the Secret that pods mount."""
        kafka, found = self._kafka(), {}
        if self.site.authenticated:
            found[SECRET_PASSWORD] = kafka["sasl_plain_password"]
        if self.site.encrypted and self.site.ca:
            found[SECRET_CA] = Path(self.site.ca).read_text(encoding="utf-8")
        return found

    def expose(self, timeline: Timeline) -> None:
        """Make `payments` reachable from this machine, and wait until it answers.

        Raises:
            WorkshopError: `payments` does not answer.
        """
        if not self.site.payments_url:
            self.processes.start(forwarding.component(self.settings, self.ports().payments))
        with timeline.step("payments answers"):
            forwarding.wait(self.settings, self.site, self._payments)

    def kubernetes_ready(self, tell: Callable[[str], None] = nobody) -> None:
        """Do nothing: `up` has checked the cluster, and its operator is responsible for the nodes."""

    def kill_broker(self, node: int) -> None:
        """Refuse: the brokers are not this stack's."""
        raise not_ours(f"Broker {node} is not killed", "brokers")

    def pause_broker(self, node: int) -> None:
        """Refuse: the brokers are not this stack's."""
        raise not_ours(f"Broker {node} is not frozen", "brokers")

    def resume_broker(self, node: int) -> None:
        """Do nothing: no broker was frozen here."""

    def start_broker(self, node: int) -> None:
        """Refuse: the brokers are not this stack's."""
        raise not_ours(f"Broker {node} is not started", "brokers")

    def broker_states(self) -> dict[int, str]:
        """Return `running` for each broker that is registered; the state of others is not known."""
        return dict.fromkeys(sorted(probe.registered_brokers(self._kafka())), "running")

    def lose_node(self, name: str) -> None:
        """Refuse: the nodes are not this stack's."""
        raise not_ours(f"The node {name} does not lose its power", "nodes")

    def find_node(self, name: str) -> None:
        """Do nothing: no node was stopped here."""

    def node_states(self) -> dict[str, str]:
        """Return an empty dictionary: a participant may lack the right to list nodes."""
        return {}

    def log_command(self, name: str, lines: int, *, follow: bool) -> list[str]:
        """Return the command that prints a pod's log."""
        return kubectl.logs_program(self.settings, name, lines, follow=follow)

    def provision(self, timeline: Timeline) -> tuple[Path, ...]:
        """Download Kafka's command-line tools, for `workshop shell`."""
        with timeline.step("Kafka's tools", sum(jar.size for jar in pinned(self.settings))) as progress:
            return runtime.fetch_jars(self.settings, progress)

    def provision_the_rest(self, timeline: Timeline) -> None:
        """Do nothing."""

    def provided(self) -> dict[str, list[Path]]:
        """Return nothing: others provide it."""
        return {}

    def images(self) -> dict[str, int]:
        """Return nothing: the cluster pulls its images."""
        return {}

    def examine(self, kubernetes: str) -> Iterator[Finding]:
        """Check whether Kafka and the cluster answer and grant the rights that the lessons need, and what runs here."""
        try:
            lacking = self.rights()
        except WorkshopError as error:
            yield Finding(False, "Kafka and cluster", error.happened, error.next_step)
            return
        for where, lines in lacking.items():
            seen = "; ".join(lines) if lines else "all that lessons need"
            files = "infra/deploy/existing/ has the files for an administrator."
            yield Finding(not lines, f"rights in {where}", seen, files)
        for name, component in self.components().items():
            yield Finding(component["state"] == "running", name, component["state"], "`workshop up` repairs it.")

    def rights(self) -> dict[str, list[str]]:
        """Return the missing rights, also optional ones, as lines for `workshop doctor`.

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
            timeline.say(f"Optional right missing: {line.strip()}")

    def _bring_tools(self, timeline: Timeline, kafka: KafkaSettings) -> None:
        """Write Kafka's command-line tools with this user's settings.

        Lessons do not need them, so a failure is only reported.
        """
        secret = self.settings.state / "kafka" / "tools.properties"
        write_atomically(secret, access.for_java(kafka), mode=0o600)
        try:
            with locked(self.settings.cache / "kafka.lock", 900, "fetches Kafka's jars", timeline.say):
                libs = self.provision(timeline)
            prepared = runtime.prepare(self.settings, java.find(self.settings), libs)
            tools.write_commands(self.settings, prepared, self.site.bootstrap, secret)
        except WorkshopError as error:
            self.settings.commands.mkdir(parents=True, exist_ok=True)
            timeline.say(f"Kafka's command-line tools are missing, but lessons do not need them: {error.happened}")

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
