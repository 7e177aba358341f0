"""Build of all parts that a kind cluster needs, from package mirrors; finished parts are reused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workshop.base.files import locked
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.kubernetes.kind import binary
from workshop.stack.kubernetes.kind.offline import archive, bases, metrics, node, requirements
from workshop.stack.kubernetes.kind.offline.recipe import FINAL, STEPS
from workshop.stack.kubernetes.kind.offline.steps import Site, Step, is_made, make, places, to_make
from workshop.stack.toolchain import go
from workshop.stack.toolchain.shell import Shell


@dataclass(frozen=True)
class Offline:
    """A finished build: kind, image archives for `docker load` (compressed by zstd), and image names."""

    folder: Path
    kind: Path
    node_archive: Path
    node_image: str
    python_archive: Path
    python_image: str
    metrics_archive: Path
    metrics_image: str


def find(settings: Settings) -> Offline | None:
    """Return the finished build for the current versions and sources, or None; nothing is built."""
    where, kind = _places(settings), binary.find(settings)
    if kind is None or to_make(STEPS, FINAL, where):
        return None
    return Offline(
        folder=_folder(settings),
        kind=kind,
        node_archive=where["node-image"] / "node.tar.zst",
        node_image=node.name(_key(where, "node-image")),
        python_archive=where["python-image"] / "python.tar.zst",
        python_image=bases.python_name(_key(where, "python-image")),
        metrics_archive=where["metrics-image"] / "metrics-server.tar.zst",
        metrics_image=metrics.NAME,
    )


def build(settings: Settings, timeline: Timeline, *, install: bool = False) -> Offline:
    """Build the missing parts: 15 to 25 minutes on two cores at first; an interrupted build is resumed.

    Args:
        install: install missing programs with apt-get.

    Raises:
        WorkshopError: this machine lacks something, or a step failed; finished steps are kept.
    """
    if found := find(settings):
        timeline.say(f"Everything is there: {found.folder}")
        return found
    with locked(_folder(settings) / "lock", 5, "builds a node image"):
        _build(settings, timeline, install=install)
    if found := find(settings):
        return found
    raise AssertionError("a build that raised nothing left something out")


def _build(settings: Settings, timeline: Timeline, *, install: bool) -> None:
    archive.architecture()
    where = _places(settings)
    steps = to_make(STEPS, FINAL, where)
    logs = _folder(settings) / "logs"
    requirements.check(settings, [step.name for step in steps], _fresh(logs / "requirements.log"), install=install)
    tool = go.provide(settings, timeline)
    binary.kind_binary(settings, timeline)
    timeline.say(_announcement(steps))
    try:
        for step in steps:
            if not is_made(step, where[step.name]):
                shell = _fresh(logs / f"{step.name}.log", tool.env)
                make(step, _site(settings, step, where, shell, tool), timeline)
    finally:
        _give_back(settings, logs)


def _announcement(steps: list[Step]) -> str:
    there = f", {len(STEPS) - len(steps)} are there or not needed" if len(steps) < len(STEPS) else ""
    return f"{len(steps)} steps{there}. Ctrl-C stops; the same command then goes on with the step it was at."


def _site(settings: Settings, step: Step, where: Mapping[str, Path], shell: Shell, tool: go.Go) -> Site:
    return Site(settings.root, _folder(settings) / "work", _key(where, step.name), where, shell, tool)


def _give_back(settings: Settings, logs: Path) -> None:
    """Under sudo, give the files that root created in the cache to the owner of the cache."""
    owner = settings.cache.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        made = [path for name in ("kind", "go") if (path := settings.cache / name).exists()]
        Shell(logs / "owner.log").run("chown", "-R", f"{owner.st_uid}:{owner.st_gid}", *made)


def _folder(settings: Settings) -> Path:
    return settings.cache / "kind" / "offline"


def _places(settings: Settings) -> dict[str, Path]:
    return places(STEPS, settings.root, _folder(settings))


def _key(where: Mapping[str, Path], step: str) -> str:
    return where[step].name.removeprefix(f"{step}-")


def _fresh(log: Path, env: Mapping[str, str] | None = None) -> Shell:
    log.unlink(missing_ok=True)
    return Shell(log, env)
