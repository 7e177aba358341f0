"""The registry's archive from Maven Central: pinned, downloaded once, and unpacked into the cache folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from workshop.base.archives import unpack_tar
from workshop.base.download import FIXED_TIME, Pinned, fetch_all
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.brokers import jars

VERSION = "3.3.3"
MAIN = "io.quarkus.runner.GeneratedMain"
TITLE = "Apicurio Registry's archive"


def folder(settings: Settings) -> Path:
    """Return the folder of the archive and of its content in the cache."""
    return settings.cache / f"registry-{VERSION}"


def unpacked(settings: Settings) -> Path:
    """Return the folder of the unpacked archive; it exists only if it is complete."""
    return folder(settings) / "app"


def pinned(settings: Settings) -> Pinned:
    """Return path, size and hash of the archive."""
    return jars.pinned(settings, jars.REGISTRY)[0]


def present(settings: Settings) -> list[Path]:
    """Return the archive, if it was downloaded."""
    path = folder(settings) / pinned(settings).name
    return [path] if path.exists() else []


def provision(settings: Settings, timeline: Timeline) -> None:
    """Download and unpack the archive, unless that was done.

    Raises:
        WorkshopError: it could not be downloaded, or is not the pinned file.
    """
    with timeline.step(TITLE, pinned(settings).size) as progress:
        bring(settings, progress)


def bring(settings: Settings, progress: Callable[[int], None]) -> None:
    """Download and unpack the archive.

    Args:
        progress: called with the number of bytes received.
    """
    file = pinned(settings)
    fetch_all(settings.maven, [file], folder(settings), progress)
    if not unpacked(settings).is_dir():
        unpack(folder(settings) / file.name, unpacked(settings))


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive beside its place, and move it there when it is complete."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        unpack_tar(archive, part)
        for jar in part.rglob("*.jar"):
            os.utime(jar, (FIXED_TIME, FIXED_TIME))  # Java's ahead-of-time cache requires the times that it recorded
        if not target.is_dir():
            part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def class_path(app: Path) -> tuple[Path, ...]:
    """Return the jars in class path order.

    Quarkus' own launcher loads classes with a loader of its own, which Java's ahead-of-time cache does not support. On one
    class path, the transformed classes come before the originals.
    """
    first = [app / "quarkus" / "transformed-bytecode.jar", app / "quarkus" / "generated-bytecode.jar"]
    libraries = sorted((app / "lib" / "boot").glob("*.jar")) + sorted((app / "lib" / "main").glob("*.jar"))
    return (*first, *sorted((app / "app").glob("*.jar")), *libraries)
