"""A build as a list of steps: each runs once per key, and its folder appears only when it is complete."""

from __future__ import annotations

import errno
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workshop.base.diagnosis import DISK, Diagnosis, diagnose
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
    """One step of the build, with all inputs that determine its result.

    Attributes:
        title: the name in the timeline.
        files: the files that the step creates in its folder.
        make: creates them; its arguments are the site and the folder.
        inputs: the versions that the step uses.
        needs: the names of earlier steps whose files it uses.
        sources: files and folders of infra/deploy/kind/offline that it uses.
        code: modules of this package that implement it.
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
    """The working environment of a step: checkout, scratch folder, key, and the folders of all steps."""

    root: Path
    scratch: Path
    key: str
    places: Mapping[str, Path]
    shell: Shell
    go: Go

    @property
    def sources(self) -> Path:
        """The folder of the project's own files for the images."""
        return self.root / SOURCES

    def made(self, step: str, file: str) -> Path:
        """Return the path of a file that an earlier step created."""
        return self.places[step] / file


def keys(steps: Iterable[Step], root: Path) -> dict[str, str]:
    """Return the key of every step.

    A key changes with the versions, the sources, the machine, or the key of a step that is needed.
    """
    found: dict[str, str] = {}
    for step in steps:
        files = [*(root / SOURCES / name for name in step.sources), *(root / CODE / name for name in step.code)]
        needed = [found[name] for name in step.needs]
        found[step.name] = key(step.name, step.files, step.inputs, needed, digest(files, root), platform.machine())
    return found


def places(steps: Iterable[Step], root: Path, folder: Path) -> dict[str, Path]:
    """Return the folder of every step, whether it exists or not."""
    return {name: folder / f"{name}-{key}" for name, key in keys(steps, root).items()}


def is_made(step: Step, place: Path) -> bool:
    """Return whether a step's files exist."""
    return all((place / file).exists() for file in step.files)


def to_make(steps: Sequence[Step], wanted: Iterable[str], where: Mapping[str, Path]) -> list[Step]:
    """Return the steps to run, in order, for the wanted ones.

    A step that only finished steps need is not run again.
    """
    open_names = set(wanted)
    chosen: list[Step] = []
    for step in reversed(steps):
        if step.name in open_names and not is_made(step, where[step.name]):
            chosen.insert(0, step)
            open_names.update(step.needs)
    return chosen


def make(step: Step, site: Site, timeline: Timeline) -> None:
    """Run one step; its folder gets its final name when all files are in it.

    Raises:
        WorkshopError: the step failed; the detail is the end of its log.
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


# Texts in the log of a step that stopped.
STOPPED = (
    Diagnosis(DISK, "The disk is full: the step '{title}' stopped.", f"Free some space. {AGAIN}"),
    Diagnosis(
        "",
        "The step '{title}' stopped: {error}.",
        "The whole log is {log}. If a source was not reached: Go modules come from GOPROXY, Debian's packages from "
        f"the mirror that /etc/apt names. {AGAIN}",
    ),
)


def _failure(step: Step, error: Exception, shell: Shell) -> WorkshopError:
    tail = shell.tail()
    text = "no space left" if isinstance(error, OSError) else tail
    found = diagnose(text, STOPPED, title=step.title, error=error, log=shell.log)
    return WorkshopError(found.fact, found.next_step, tail)


def _publish(part: Path, place: Path) -> None:
    os.sync()  # otherwise a power failure could leave the folder without its contents
    shutil.rmtree(place, ignore_errors=True)
    part.rename(place)
