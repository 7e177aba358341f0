"""The nodes of a kind cluster: created, stopped, started, deleted; other clusters are left alone."""

from __future__ import annotations

import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from workshop.base.diagnosis import DISK, PORT_TAKEN, Diagnosis, diagnose
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.settings import NODES, Ports, Settings
from workshop.stack.kubernetes.kind import engine
from workshop.stack.kubernetes.kubectl import NAMESPACE, kubectl

DEFINITION = "infra/deploy/kind/cluster.yaml"
CREATION_TIMEOUT = 300  # seconds; with local images it takes half a minute
WORKER_GRACE = 20  # seconds for brokers to hand over their partitions and close their files
# Seconds. The API server would wait a minute for etcd, which receives SIGTERM at the same time. etcd itself ends within a
# second, and its acknowledged writes are on disk before.
CONTROL_PLANE_GRACE = 8
START_TIMEOUT = 300  # seconds for the engine to start a container; usually one


@dataclass(frozen=True)
class Record:
    """The stored description of this checkout's cluster.

    Attributes:
        name: the cluster's name.
        image: the node image from which it was created.
        definition: the SHA-256 of its definition without the ports.
        first_port: the first port of its block.
        control_plane: the id of the control plane's container; empty until it exists.
    """

    name: str
    image: str
    definition: str
    first_port: int
    control_plane: str = ""


class Nodes:
    """The kind cluster of one state folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._file = settings.state / "kind" / "cluster.json"

    @property
    def name(self) -> str:
        """The cluster's name: the configured one, or one that is unique to this checkout."""
        digest = hashlib.sha256(str(self.settings.common.resolve()).encode()).hexdigest()[:6]
        return self.settings.cluster or f"workshop-{digest}"

    @property
    def control_plane(self) -> str:
        """The name of the control plane's container and node."""
        return f"{self.name}-control-plane"

    def record(self) -> Record | None:
        """Return the stored description of the cluster, or None if there is none."""
        try:
            return Record(**json.loads(self._file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def state(self) -> str:
        """Return `none`, `running`, `stopped`, or `half` for an incomplete cluster.

        Raises:
            WorkshopError: a cluster with this name exists that this checkout did not create.
        """
        there = engine.containers(self.name)
        if not there:
            return "none"
        self._must_be_ours(there)
        record = self.record()
        if len(there) != 1 + len(NODES) or not (record and record.control_plane):
            return "half"
        running = engine.containers(self.name, all_of_them=False)
        return "running" if len(running) == len(there) else "stopped"

    def create(self, kind: Path, image: str, ports: Ports) -> None:
        """Create the cluster, after deleting the rest of an earlier attempt.

        Raises:
            WorkshopError: kind failed; the detail is the end of its output.
        """
        self.delete(kind)
        record = Record(self.name, image, self._definition(), ports.first)
        self._write(record)
        config = self.settings.state / "kind" / "cluster.yaml"
        write_atomically(config, Template(self._template()).substitute(_ports(ports)))
        words = ["create", "cluster", "--name", self.name, "--image", image, "--config", str(config)]
        self._kind(kind, *words, "--kubeconfig", str(self.settings.kubeconfig), "--wait", "0s")
        made = engine.containers(self.name)[self.control_plane]
        self._write(Record(**{**asdict(record), "control_plane": made}))

    def must_fit(self, image: str) -> None:
        """Check that the cluster was created from the current node image and definition.

        Raises:
            WorkshopError: it was created from others.
        """
        record = self.record()
        if record and record.control_plane and (record.image, record.definition) != (image, self._definition()):
            raise WorkshopError(
                f"The cluster {record.name} was made by another version of the workshop ({record.image}).",
                "`workshop reset` deletes it, with what it stored; `workshop up` then makes a new one.",
            )

    def start(self) -> None:
        """Start the stopped nodes in parallel; workers retry until the control plane answers.

        Raises:
            WorkshopError: a node could not be started; the others are started.
        """
        stopped = sorted(set(engine.containers(self.name)) - set(engine.containers(self.name, all_of_them=False)))
        with ThreadPoolExecutor(1 + len(NODES)) as pool:
            for started in [pool.submit(engine.docker, "start", name, timeout=START_TIMEOUT) for name in stopped]:
                started.result()

    def stop(self) -> list[str]:
        """Stop the nodes and keep their data; return the names of those that ran."""
        running = sorted(engine.containers(self.name, all_of_them=False))
        if running:
            self._must_be_ours(engine.containers(self.name))
            with ThreadPoolExecutor(len(running)) as pool:
                for stopped in [pool.submit(self._stop, name) for name in running]:
                    stopped.result()
        return running

    def _stop(self, name: str) -> None:
        grace = CONTROL_PLANE_GRACE if name == self.control_plane else WORKER_GRACE
        engine.docker("stop", "--time", str(grace), name, timeout=180)

    def delete(self, kind: Path) -> None:
        """Delete the cluster if it exists and belongs to this checkout."""
        if there := engine.containers(self.name):
            self._must_be_ours(there)
            self._kind(kind, "delete", "cluster", "--name", self.name, "--kubeconfig", str(self.settings.kubeconfig))
        self._file.unlink(missing_ok=True)

    def write_kubeconfig(self, kind: Path) -> None:
        """Write the cluster's kubeconfig into the state folder."""
        self._kind(kind, "export", "kubeconfig", "--name", self.name, "--kubeconfig", str(self.settings.kubeconfig))
        self.settings.kubeconfig.chmod(0o600)
        kubectl(self.settings, "config", "set-context", "--current", f"--namespace={NAMESPACE}")

    def _must_be_ours(self, there: dict[str, str]) -> None:
        record = self.record()
        ours = record is not None and record.name == self.name
        if record and ours and record.control_plane:
            ours = there.get(self.control_plane, record.control_plane) == record.control_plane
        if not ours:
            raise WorkshopError(
                f"A kind cluster {self.name} exists that this checkout did not make; it is left alone.",
                f"If nobody needs it: `kind delete cluster --name {self.name}`. Or set WORKSHOP_CLUSTER to another name.",
            )

    def _template(self) -> str:
        return (self.settings.root / DEFINITION).read_text()

    def _definition(self) -> str:
        return hashlib.sha256(self._template().encode()).hexdigest()

    def _write(self, record: Record) -> None:
        write_atomically(self._file, json.dumps(asdict(record), indent=1))

    def _kind(self, kind: Path, *words: str) -> None:
        command = [str(kind), *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=CREATION_TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            raise WorkshopError(
                f"`kind {words[0]}` did not end within {CREATION_TIMEOUT} s.",
                "Is the machine very busy? `workshop up` tries again; `workshop doctor` looks at Docker.",
            ) from None
        if done.returncode:
            said = "\n".join(done.stderr.strip().splitlines()[-10:])
            raise WorkshopError(
                f"`kind {words[0]} {words[1]}` failed.", diagnose(done.stderr, NOT_CREATED).advice, said
            )


def _ports(ports: Ports) -> dict[str, int]:
    brokers = {f"broker_{node}": ports.broker(node) for node in NODES}
    return {**brokers, "api": ports.api, "payments": ports.payments}


# Texts in the output of a failed `kind`.
NOT_CREATED = (
    Diagnosis(
        PORT_TAKEN,
        "A port was taken by another program meanwhile.",
        "Run `workshop up` again, which finds other ports.",
    ),
    Diagnosis(DISK, "Docker's disk is full.", "`docker system prune` frees some."),
    Diagnosis(
        "too many open files|inotify",
        "",
        "Raise the limits: `sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288`.",
    ),
    Diagnosis("", "", "`workshop doctor` looks at Docker's memory, disk and limits; `workshop up` tries again."),
)
