"""Progress of the compilation, in a file of the state folder that other processes read."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from workshop.base.files import read_record, write_atomically
from workshop.base.settings import Settings

FILE = "kubernetes/build.json"
EVERY = 1.0  # seconds
COMPILED = "it is compiled"  # replaced by the number of packages in messages


def write(settings: Settings, **fields: object) -> None:
    """Write the state of the build.

    Args:
        fields: `state` (building, built, failed), `packages` (compiled so far), `of` (all packages), `since` (start of the
            build in seconds since 1970), `said` (message).
    """
    write_atomically(settings.state / FILE, json.dumps({"at": time.time(), **fields}))


def read(settings: Settings) -> dict:
    """Return the last written state; empty if there is none."""
    return read_record(settings.state / FILE)


@contextlib.contextmanager
def counted(settings: Settings, log: Path, of: int, program: str) -> Iterator[None]:
    """During the block, count the packages that `go build -v` lists in its log.

    Args:
        of: the number of all packages.
        program: the package that is linked last.
    """
    over, since = threading.Event(), time.time()

    def count() -> None:
        while not over.wait(EVERY):
            named = [line for line in log.read_text(errors="replace").splitlines() if " " not in line]
            said = "linking, the last step" if program in named else COMPILED
            write(settings, state="building", packages=min(len(named), of), of=of, since=since, said=said)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)
