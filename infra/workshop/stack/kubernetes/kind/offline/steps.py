"""A build as steps in plain data: each is made once for its key, in a folder that appears whole or not at all."""

from __future__ import annotations

import errno
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.timeline import Timeline
from workshop.stack.toolchain.go import Go
from workshop.stack.toolchain.keys import digest, key
from workshop.stack.toolchain.shell import BuildFailed, Shell

SOURCES = Path("infra/deploy/kind/offline")
CODE = Path("infra/workshop/stack/kubernetes/kind/offline")
AGAIN = "The same command goes on with this step."


@dataclass(frozen=True)
class Step:
    """One thing to make, and all that decides what comes out.

    Attributes:
        title: as the time line shows it.
        files: what it leaves in its folder.
        make: makes them; it is given the site and the folder.
        inputs: the versions it is made of.
        needs: the names of the steps whose files it takes; they stand before it.
        sources: files and folders of infra/deploy/kind/offline that it takes.
        code: modules of this package that say how it is made.
    """

    name: str
    title: str
    files: tuple[str, ...]
    make: Callable[[Site, Path], None]
    inputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


@dataclass(frozen=True)
class Site:
    """Where a step works: the checkout, a folder of its own to work in, its key, and where the steps' files are."""

    root: Path
    scratch: Path
    key: str
    places: Mapping[str, Path]
    shell: Shell
    go: Go

    @property
    def sources(self) -> Path:
        """What this project itself puts into the images."""
        return self.root / SOURCES

    def made(self, step: str, file: str) -> Path:
        """A file that an earlier step left."""
        return self.places[step] / file


def keys(steps: Iterable[Step], root: Path) -> dict[str, str]:
    """The key of every step: another version, source or machine, or another key of a step it needs, gives another one."""
    found: dict[str, str] = {}
    for step in steps:
        files = [*(root / SOURCES / name for name in step.sources), *(root / CODE / name for name in step.code)]
        needed = [found[name] for name in step.needs]
        found[step.name] = key(step.name, step.files, step.inputs, needed, digest(files, root), platform.machine())
    return found


def places(steps: Iterable[Step], root: Path, folder: Path) -> dict[str, Path]:
    """The folder of every step's files, whether they are there or not."""
    return {name: folder / f"{name}-{key}" for name, key in keys(steps, root).items()}


def is_made(step: Step, place: Path) -> bool:
    """Whether a step's files are there."""
    return all((place / file).exists() for file in step.files)


def to_make(steps: Sequence[Step], wanted: Iterable[str], where: Mapping[str, Path]) -> list[Step]:
    """The steps to make, in order, so that the wanted ones are there; what only finished steps needed is not made again."""
    open_names = set(wanted)
    chosen: list[Step] = []
    for step in reversed(steps):
        if step.name in open_names and not is_made(step, where[step.name]):
            chosen.insert(0, step)
            open_names.update(step.needs)
    return chosen


def make(step: Step, site: Site, timeline: Timeline) -> None:
    """Make one step; its folder gets its name when all its files are in it.

    Raises:
        WorkshopError: it failed, with the end of its log.
    """
    shutil.rmtree(site.scratch, ignore_errors=True)
    part = site.scratch / "made"
    part.mkdir(parents=True)
    try:
        with timeline.step(step.title):
            _make_into(step, site, part)
            _publish(part, site.places[step.name])
    finally:
        shutil.rmtree(site.scratch, ignore_errors=True)


def _make_into(step: Step, site: Site, part: Path) -> None:
    try:
        step.make(site, part)
    except (BuildFailed, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _failure(step, error, site.shell) from error
    if lacking := [file for file in step.files if not (part / file).exists()]:
        raise WorkshopError(f"The step '{step.title}' left no {', '.join(lacking)}.", AGAIN, site.shell.tail())


def _failure(step: Step, error: Exception, shell: Shell) -> WorkshopError:
    tail = shell.tail()
    full = isinstance(error, OSError) or "No space left on device" in tail or "no space left on device" in tail
    if full:
        return WorkshopError(f"The disk is full: the step '{step.title}' stopped.", f"Free some space. {AGAIN}", tail)
    next_step = (
        f"The whole log is {shell.log}. If a source was not reached: Go modules come from GOPROXY, Debian's packages from "
        f"the mirror that /etc/apt names. {AGAIN}"
    )
    return WorkshopError(f"The step '{step.title}' stopped: {error}.", next_step, tail)


def _publish(part: Path, place: Path) -> None:
    os.sync()  # or a power cut could leave the name without its contents
    shutil.rmtree(place, ignore_errors=True)
    part.rename(place)
