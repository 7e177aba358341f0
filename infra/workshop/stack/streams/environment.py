"""The environment of the stream processing lesson: a folder beside `.venv`, made by uv from a lock file of its own.

Quix Streams and the other lessons need different versions of two packages, so one environment cannot have both.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.files import locked, write_atomically
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.base.waiting import nobody
from workshop.stack.toolchain import second_environment

LOCK = Path("infra/streams/requirements.txt")
SOURCES = (LOCK, Path("pyproject.toml"), Path("infra/workshop/stack/streams/environment.py"))
STEP = "environment of lesson 11"
MARK = "made-from"
TO_INSTALL = "`workshop up --with streams`"


def python(settings: Settings) -> Path:
    """Return the path of the environment's Python, which may not exist yet."""
    return settings.streams_folder / "bin" / "python"


def is_current(settings: Settings) -> bool:
    """Return whether the environment is complete and was made from the present lock file."""
    mark = settings.streams_folder / MARK
    try:
        return mark.read_text() == _fingerprint(settings) and python(settings).exists()
    except OSError:
        return False


def is_here(settings: Settings) -> bool:
    """Return whether this process runs in the environment."""
    return Path(sys.prefix) == settings.streams_folder


def provision(settings: Settings, timeline: Timeline) -> None:
    """Install the environment if it is missing, incomplete or out of date.

    Packages are hard links into the workshop's cache of uv. An interrupted installation has no mark and is made again.

    Raises:
        WorkshopError: a package could not be downloaded or installed; the detail is the end of uv's output.
    """
    if is_current(settings):
        return
    with timeline.step(STEP) as step:
        install(settings, step.tell)


def install(settings: Settings, tell: Callable[[str], None] = nobody) -> None:
    """Install the environment; `tell` gets lines about the progress.

    Raises:
        WorkshopError: as for `provision`.
    """
    with locked(settings.cache / "streams-environment.lock", 900, "installs the environment of lesson 11"):
        if is_current(settings):  # another process installed it meanwhile
            return
        _make(settings, tell)
        _check(settings)
        write_atomically(settings.streams_folder / MARK, _fingerprint(settings))


def problem(settings: Settings) -> str:
    """Return why the environment cannot be used, as a sentence; empty if it can be used or was never installed."""
    if not settings.streams_folder.exists():
        return ""
    if not is_current(settings):
        return f"{settings.streams_folder} is incomplete or out of date."
    try:
        _check(settings)
    except WorkshopError as error:
        return error.happened
    return ""


def _make(settings: Settings, tell: Callable[[str], None]) -> None:
    wheels = Path(settings.bundle.partition("#")[0]).expanduser() / "wheels" if settings.bundle else None
    lock = settings.root / LOCK
    try:
        second_environment.make(settings, settings.streams_folder, lock, editable=True, wheels=wheels, tell=tell)
    except second_environment.UvFailed as error:
        raise second_environment.failure(error, "The environment of lesson 11", TO_INSTALL) from error
    # `!workshop` in a cell means the command of the ordinary environment, which has all packages.
    (settings.streams_folder / "bin" / "workshop").unlink(missing_ok=True)


def _check(settings: Settings) -> None:
    """Import what the lesson needs in the new environment.

    Raises:
        WorkshopError: an import fails; the detail is the last line of its error.
    """
    command = [str(python(settings)), "-P", "-c", "import ipykernel, quixstreams, rocksdict, workshop"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=second_environment.clean_environment(settings)
    )
    if done.returncode:
        raise WorkshopError(
            f"The packages in {settings.streams_folder} are damaged.",
            f"Delete that folder, then run {TO_INSTALL}.",
            "\n".join(done.stderr.strip().splitlines()[-1:]),
        )


def _fingerprint(settings: Settings) -> str:
    """Return what the environment depends on: the lock, this module, the checkout, and the ordinary Python."""
    digest = hashlib.sha256()
    for source in SOURCES:
        digest.update((settings.root / source).read_bytes())
    base = Path(sys.base_prefix)
    return f"{digest.hexdigest()}\n{settings.root}\n{base} {sys.version.split()[0]}\n"
