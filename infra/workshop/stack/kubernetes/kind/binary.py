"""The program `kind`: from the PATH if it has the pinned version, otherwise built from pinned source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.files import locked
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.toolchain import go
from workshop.stack.toolchain.keys import digest
from workshop.stack.toolchain.shell import BuildFailed, Shell
from workshop.stack.toolchain.versions import KIND

MODULE = Path("infra/deploy/kind/tool")
PACKAGE = "sigs.k8s.io/kind"


def find(settings: Settings) -> Path | None:
    """Return kind if it exists: from the PATH in the pinned version, or from an earlier build."""
    if (path := shutil.which("kind")) and version_of(Path(path)) == KIND:
        return Path(path)
    return built if (built := _built(settings)).exists() else None


def kind_binary(settings: Settings, timeline: Timeline) -> Path:
    """Return kind; build it if it does not exist, which takes half a minute.

    Raises:
        WorkshopError: kind does not exist and cannot be built.
    """
    if found := find(settings):
        return found
    try:
        tool = go.provide(settings, timeline)
    except WorkshopError as error:
        happened = f"kind {KIND} is not on the PATH, and there is no Go {go.OLDEST} or newer that could build it."
        next_step = f"Install kind {KIND} (https://kind.sigs.k8s.io), or Go (https://go.dev/dl)."
        raise WorkshopError(happened, next_step, error.detail or error.happened) from error
    with locked(settings.cache / "kind" / "kind.lock", 1800, "builds kind", timeline.say):
        if not _built(settings).exists():
            with timeline.step(f"kind {KIND}, compiled"):
                _build(settings, tool)
    return _built(settings)


def version_of(path: Path) -> str:
    """Return the version of a `kind`, such as v0.33.0; empty if it does not run or prints none."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", said)
    return f"v{found[1]}" if found else ""


def _built(settings: Settings) -> Path:
    pins = [settings.root / MODULE / name for name in ("go.mod", "go.sum")]
    return settings.cache / "kind" / f"kind-{KIND}-{digest(pins, settings.root)}" / "kind"


def _build(settings: Settings, tool: go.Go) -> None:
    target = _built(settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build.") as scratch:
        shell = Shell(Path(scratch) / "log", tool.env)
        try:
            tool.build(shell, settings.root / MODULE, Path(scratch) / "kind", (PACKAGE,), "-ldflags=-s -w")
        except BuildFailed as error:
            raise WorkshopError(
                f"kind {KIND} could not be built: {error}.",
                f"Check the network (with a mirror of Go modules, set GOPROXY), or install kind {KIND} on the PATH.",
                shell.tail(6),
            ) from error
        os.replace(Path(scratch) / "kind", target)
