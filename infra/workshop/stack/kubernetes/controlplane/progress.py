"""How far the compilation is: a small file in the state folder, so that others may tell."""

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
COMPILED = "it is compiled"  # of which the number of packages tells more


def write(settings: Settings, **fields: object) -> None:
    """Write what it says of itself: `state` (building, built, failed), packages, of, since (a build's begin), said."""
    write_atomically(settings.state / FILE, json.dumps({"at": time.time(), **fields}))


def read(settings: Settings) -> dict:
    """What was written last; empty if nothing was."""
    return read_record(settings.state / FILE)


@contextlib.contextmanager
def counted(settings: Settings, log: Path, of: int, program: str) -> Iterator[None]:
    """While the block runs, count the packages that `go build -v` names in its log; `program` is the one that is linked."""
    over, since = threading.Event(), time.time()

    def count() -> None:
        while not over.wait(EVERY):
            named = [line for line in log.read_text(errors="replace").splitlines() if " " not in line]
            said = "it is linked, the last step" if program in named else COMPILED
            write(settings, state="building", packages=min(len(named), of), of=of, since=since, said=said)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)
