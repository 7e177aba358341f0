"""The control plane's program: cached, fetched from a configured source, or compiled once.

Compilation runs at idle priority. `infra/benchmarks/figures/compile.py` measures its time, memory and disk space. Linking
shows a resident set of 3 GB, but most of it is mapped files, which the system reclaims when others need memory. So a
limit for Go's own memory (GOMEMLIMIT) has no benefit.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import certifi

from workshop.base.diagnosis import DISK, Diagnosis, diagnose
from workshop.base.download import sha256
from workshop.base.errors import WorkshopError
from workshop.base.files import locked
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.kubernetes.controlplane import progress
from workshop.stack.toolchain import go
from workshop.stack.toolchain.keys import digest
from workshop.stack.toolchain.shell import BuildFailed, Shell

MODULE = Path("infra/deploy/controlplane")
SOURCES = ("main.go", "parts.go", "queues/queues.go", "go.mod", "go.sum")
VERSION = "v1.37.2"  # of Kubernetes, as go.mod requires it
LDFLAGS = (
    "-s -w -X k8s.io/component-base/version.gitVersion=" + VERSION + " -X k8s.io/component-base/version.gitMajor=1"
    " -X k8s.io/component-base/version.gitMinor=37 -X k8s.io/component-base/version.gitTreeState=clean"
)
LONGEST = 3600  # seconds to wait for a build by another process
# Replaces itself by a program that runs only while the processors and the disk are otherwise idle.
IDLE = """import contextlib, os, sys
os.nice(19)
with contextlib.suppress(OSError, AttributeError):
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
os.execv(sys.argv[1], sys.argv[1:])"""


class IdleShell(Shell):
    """Runs programs at the lowest priority.

    The calling process keeps its own, because it starts the stack afterwards.
    """

    def _start(self, argv: tuple[str | Path, ...], cwd: Path, **pipes: object) -> subprocess.Popen:
        return super()._start((sys.executable, "-I", "-S", "-c", IDLE, *argv), cwd, **pipes)


def find(settings: Settings) -> Path | None:
    """Return the program if it is in the cache."""
    return path if (path := _place(settings)).exists() else None


def build(settings: Settings) -> Path:
    """Provide the program in the cache; `progress` in this package records the state of the build.

    Raises:
        WorkshopError: the program cannot be fetched or compiled.
    """
    with locked(_place(settings).parent.with_suffix(".lock"), LONGEST, "builds the Kubernetes control plane"):
        if not (found := find(settings)):
            try:
                found = _fetch(settings) if settings.controlplane else _compile(settings)
            except WorkshopError as error:
                progress.write(settings, state="failed", said=error.happened)
                raise
        progress.write(settings, state="built")
        return found


def _place(settings: Settings) -> Path:
    if settings.controlplane:
        name = f"prebuilt-{settings.controlplane.rpartition('=')[2][:16]}"
    else:
        sources = [settings.root / MODULE / file for file in SOURCES]
        name = f"{VERSION}-{digest(sources, settings.root)}"
    return settings.cache / "controlplane" / name / "controlplane"


def _compile(settings: Settings) -> Path:
    progress.write(settings, state="building", said="searching for Go")
    try:
        tool = go.provide(settings, Timeline())
    except WorkshopError as error:
        raise WorkshopError(
            "Kubernetes cannot be compiled: there is no Go, and none could be fetched.",
            f"Install Go {go.OLDEST} or newer (https://go.dev/dl), or set WORKSHOP_CONTROLPLANE to a built one. "
            "Kafka's lessons need none.",
            error.detail or error.happened,
        ) from error
    with _scratch(settings) as scratch:
        place, module = _place(settings), scratch / "module"
        module.mkdir()
        # Compile a copy, so that the sources match the hash in the target's name even if the checkout changes meanwhile.
        for file in SOURCES:
            (module / file).parent.mkdir(exist_ok=True)
            shutil.copy(settings.root / MODULE / file, module / file)
        shell = IdleShell(scratch / "log", tool.env)
        try:
            packages = shell.read(tool.path, "list", "-deps", ".", cwd=module).split()
            with progress.counted(settings, shell.log, len(packages), packages[-1]):
                tool.build(shell, module, scratch / "controlplane", (".",), "-v", f"-ldflags={LDFLAGS}")
        except BuildFailed as error:
            raise WorkshopError(
                f"The Kubernetes control plane could not be compiled: {error}.",
                diagnose(shell.tail(60), NOT_COMPILED).advice,
                shell.tail(6),
            ) from error
        return _put(scratch / "controlplane", place)


def _fetch(settings: Settings) -> Path:
    """Fetch a prebuilt program from a URL or a file, and verify its hash."""
    source, _, wanted = settings.controlplane.partition("#sha256=")
    progress.write(settings, state="building", said=f"fetching {source}")
    with _scratch(settings) as scratch:
        file = scratch / "controlplane"
        try:
            if source.startswith("https://"):
                _receive(source, file)
            else:
                shutil.copyfile(Path(source).expanduser(), file)
        except (OSError, ValueError, HTTPException, RuntimeError) as error:
            raise WorkshopError(
                f"WORKSHOP_CONTROLPLANE names {source}, which cannot be read: {error}.",
                "It takes a file's path or an address that begins with https://; unset, the control plane is compiled.",
            ) from error
        if (found := sha256(file)) != wanted:
            raise WorkshopError(
                f"{source} does not match the hash in WORKSHOP_CONTROLPLANE: its SHA-256 is {found}.",
                "Check where it comes from; it was not run.",
            )
        return _put(file, _place(settings))


def _receive(source: str, file: Path) -> None:
    certificates = ssl.create_default_context()
    certificates.load_verify_locations(certifi.where())
    with urllib.request.urlopen(source, timeout=60, context=certificates) as answer, file.open("wb") as output:  # noqa: S310
        shutil.copyfileobj(answer, output)


def _put(file: Path, place: Path) -> Path:
    file.chmod(0o755)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(file, place)
    return place


@contextlib.contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    folder = settings.cache / "controlplane"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build.") as scratch:
        yield Path(scratch)


# Texts in the log of a failed compilation.
NOT_COMPILED = (
    Diagnosis(
        DISK,
        "The disk is full: compiling needs 5 GB in the cache folder.",
        "Free some space, then run `workshop up`.",
    ),
    Diagnosis(
        "signal: killed|cannot allocate memory",
        "There was not enough memory.",
        "Close a program, then run `workshop up`.",
    ),
    Diagnosis(
        "dial tcp|no such host|proxyconnect|timeout",
        "Go modules are not reached.",
        "Check the network (GOPROXY names a mirror), then run `workshop up`.",
    ),
    Diagnosis("", "", "`workshop logs kubernetes-build` shows more; `workshop up` tries again. Kafka's lessons go on."),
)
