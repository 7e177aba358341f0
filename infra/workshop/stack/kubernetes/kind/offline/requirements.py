"""Checks of this machine before a build: rights, programs and disk space."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.toolchain.shell import BuildFailed, Shell

PROGRAMS = {"debootstrap": "debootstrap", "gcc": "gcc", "zstd": "zstd", "tar": "tar", "unshare": "util-linux"}
FILES = {
    "usr/lib/*/libc.a": "libc6-dev",  # a pod's first process is linked statically
    "usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
APT = ("apt-get", "install", "-y", "--no-install-recommends")
COMPILING = ("node", "plane", "containerd", "coredns", "storage", "metrics-server")
DISK_TO_COMPILE, DISK = 12, 3  # GB: Go's caches take 8 of them


def check(settings: Settings, to_make: Iterable[str], shell: Shell, *, install: bool) -> None:
    """Check that this machine can build, and install missing packages if `install` is set.

    Args:
        to_make: the names of the steps that will run.

    Raises:
        WorkshopError: something is missing; the next step has the command that provides it.
    """
    _check_rights(settings)
    if packages := missing():
        if not install:
            raise WorkshopError(f"To build a node image, {_listed(packages)} must be installed.", _how(packages))
        _install(packages, shell)
    gigabytes = DISK_TO_COMPILE if set(to_make) & set(COMPILING) else DISK
    free = shutil.disk_usage(_existing(settings.cache)).free / 1e9
    if free < gigabytes:
        raise WorkshopError(
            f"Building a node image needs {gigabytes} GB for a while; {free:.1f} GB are free in {settings.cache}.",
            "Free some space, or set WORKSHOP_CACHE to a folder on another disk.",
        )


def missing(which: Callable[[str], str | None] = shutil.which, root: Path = Path("/")) -> list[str]:
    """Return the Debian packages that are not installed.

    Programs are searched on the PATH, other files below `root`.
    """
    lacking = [package for program, package in PROGRAMS.items() if not which(program)]
    return lacking + [package for pattern, package in FILES.items() if not any(root.glob(pattern))]


def _check_rights(settings: Settings) -> None:
    if sys.platform != "linux":
        raise WorkshopError(
            "A node image is built on Linux.", "Build it there, and name the archive in WORKSHOP_NODE_ARCHIVE."
        )
    if os.geteuid() != 0:
        command = f"sudo env WORKSHOP_CACHE='{settings.cache}' {settings.python_bin / 'workshop'} kind build-image"
        raise WorkshopError(
            "To build a node image needs root: it unpacks Debian and runs its installer.", f"Run: {command}"
        )


def _how(packages: list[str]) -> str:
    return (
        f"Run `apt-get update && {' '.join([*APT, *packages])}`, "
        "or let `workshop kind build-image --install` do it (on another system than Debian, by its own installer)."
    )


def _install(packages: list[str], shell: Shell) -> None:
    if not shutil.which(APT[0]):
        raise WorkshopError(f"There is no {APT[0]} that could install {_listed(packages)}.", "Install them by hand.")
    try:
        shell.run(APT[0], "update")
        shell.run(*APT, *packages)
    except BuildFailed as error:
        raise WorkshopError(f"{_listed(packages)} could not be installed.", _how(packages), shell.tail(6)) from error
    if still := missing():
        raise WorkshopError(f"{_listed(still)} were installed and are still not found.", "Look at PATH.", shell.tail(6))


def _listed(packages: list[str]) -> str:
    return " and ".join([", ".join(packages[:-1]), packages[-1]] if packages[1:] else packages)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
