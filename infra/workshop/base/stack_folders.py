"""Folders of a checkout's stacks: one per backend, with separate data. One stack runs at a time."""

from __future__ import annotations

import shutil
from pathlib import Path

from workshop.base.files import write_atomically

BACKENDS = ("existing", "kind", "local")
LAST = "backend"  # the file that names the backend that runs, or that ran last
COMMON = ("backups", "lock")  # never deleted
SHARED = (LAST, "home", "progress.json", "progress.lock")  # deleted together with the last stack
# In checkouts from before each backend had a folder, one stack uses the common folder itself. It stays there: its processes
# may run, and its files contain paths. The file below identifies the backend of a stack.
MADE_BY = {"existing": "site.json", "kind": "kind/cluster.json", "local": "kafka/cluster.id"}


def folder(common: Path, backend: str) -> Path:
    """Return the folder of a backend's stack, whether or not the stack exists."""
    return common if _lies_open(common) == backend else common / backend


def made(common: Path) -> list[str]:
    """Return the backends that have a stack in this common folder."""
    return [backend for backend in BACKENDS if (folder(common, backend) / MADE_BY[backend]).exists()]


def last(common: Path) -> str:
    """Return the backend that runs or ran last; `local` if there is no stack yet."""
    try:
        named = (common / LAST).read_text().strip()
    except OSError:
        named = ""
    there = made(common)
    if named in BACKENDS and (named in there or (common / named).is_dir()):
        return named
    return _lies_open(common) or (there[0] if there else "local")


def use(common: Path, backend: str) -> None:
    """Record the backend that is used from now on."""
    write_atomically(common / LAST, f"{backend}\n")


def delete(common: Path, backend: str) -> None:
    """Delete the data of a backend's stack; with the last stack, also the shared files. Backups stay."""
    here = folder(common, backend)
    others = [other for other in made(common) if other != backend]
    names = {backend}
    if here == common:
        names = {entry.name for entry in common.iterdir()} - {*COMMON, *SHARED, *others}
    for name in names if others else {*names, *SHARED}:
        _remove(common / name)
    if others:
        use(common, others[0])


def _lies_open(common: Path) -> str:
    """Return the backend whose stack uses the common folder itself, or an empty string."""
    return next((backend for backend in BACKENDS if (common / MADE_BY[backend]).exists()), "")


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)
