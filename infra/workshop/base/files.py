"""Atomic writing of files, and locks between processes."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workshop.base.errors import WorkshopError


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file so that a reader never finds an incomplete one, not even after a power failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_record(path: Path) -> dict:
    """Return the content of a JSON file of the state folder; empty if the file is missing or damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


@contextmanager
def locked(path: Path, timeout: float, what: str, say: Callable[[str], None] = lambda text: None) -> Iterator[None]:
    """Hold an exclusive lock, which the operating system releases if this process dies.

    Args:
        timeout: seconds to wait for the lock.
        what: the work of the process that has the lock, for the error: "notes your progress".
        say: gets a sentence if another process has the lock.

    Raises:
        WorkshopError: another process held the lock for `timeout` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        deadline = time.monotonic() + timeout
        if not _try_lock(file.fileno()):
            say(f"Another process {what}. This one waits for it …")
        while not _try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise WorkshopError(f"Another process {what} and has not finished.", "Wait for it, then try again.")
            time.sleep(0.1)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
