"""The programs in the images, compiled from pinned source, and without cgo: so they need no library of the tree."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from workshop.stack.kubernetes.kind.offline.steps import Site
from workshop.stack.toolchain.versions import KUBERNETES, Module

TAGS = "-tags=no_btrfs,no_devmapper,no_zfs"  # snapshotters of containerd that need cgo or that kind never takes
VERSION = "k8s.io/component-base/version"


def kubernetes(package: str) -> Callable[[Site, Path], None]:
    """What makes a program of infra/deploy/kind/offline, which reports the version of Kubernetes as its own."""
    return partial(_kubernetes, package)


def of(module: Module, *packages: str) -> Callable[[Site, Path], None]:
    """What makes programs of a module, from what its own go.sum pins."""
    return partial(_of, module, packages)


def pause(site: Site, made: Path) -> None:
    """The first process of every pod."""
    site.shell.run("gcc", "-Os", "-static", "-s", "-o", made / "pause", site.sources / "pause.c")


def _kubernetes(package: str, site: Site, made: Path) -> None:
    flags = ("-tags=providerless", f"-ldflags=-s -w {_version_flags(KUBERNETES)}")
    site.go.build(site.shell, site.sources, made / package, (f"./{package}",), *flags)


def _version_flags(version: str) -> str:
    major, minor = version.removeprefix("v").split(".")[:2]
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "built-from-the-go-module",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return " ".join(f"-X {VERSION}.{name}={value}" for name, value in values.items())


def _of(module: Module, packages: tuple[str, ...], site: Site, made: Path) -> None:
    source = site.scratch / "source"
    # Compiled within a copy of its own source, the module is the main one: so its own go.sum is what counts.
    shutil.copytree(site.go.fetch(site.shell, module), source, copy_function=shutil.copyfile)
    site.go.build(site.shell, source, made, packages, TAGS, "-ldflags=-s -w")
