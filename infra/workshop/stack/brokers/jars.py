"""Jars of the brokers and of Kafka Connect, pinned in lock files that `workshop lock` renews; the registry's archive."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from workshop.base.download import Pinned, fetch_all, sha256
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.settings import Settings


@dataclass(frozen=True)
class Jars:
    """A set of jars: the pom that Maven resolves, if any, and the lock file with the resolved jars."""

    pom: Path | None
    lock: Path


KAFKA = Jars(Path("infra/deploy/kafka/pom.xml"), Path("infra/deploy/kafka/jars.lock"))
DEBEZIUM = Jars(Path("infra/deploy/cdc/pom.xml"), Path("infra/deploy/cdc/jars.lock"))  # in addition to Kafka's jars
REGISTRY = Jars(None, Path("infra/deploy/registry/archive.lock"))  # one archive with all jars


def pinned(settings: Settings, which: Jars = KAFKA) -> list[Pinned]:
    """Return the jars of the lock file, sorted by name, which is the class path order."""
    entries = json.loads((settings.root / which.lock).read_text())["jars"]
    return sorted((Pinned(**entry) for entry in entries), key=lambda jar: jar.name)


def fetch(settings: Settings, folder: Path, progress: Callable[[int], None], which: Jars = KAFKA) -> list[Path]:
    """Download all jars into `folder`; return their paths in class path order."""
    jars = pinned(settings, which)
    fetch_all(settings.maven, jars, folder, progress)
    return [folder / jar.name for jar in jars]


def damaged(settings: Settings, folder: Path) -> list[Path]:
    """Return the jars in `folder` whose SHA-256 differs from the pinned one; missing jars are ignored."""
    present = [(folder / jar.name, jar.sha256) for jar in pinned(settings) if (folder / jar.name).exists()]
    return [path for path, expected in present if sha256(path) != expected]


def lock(settings: Settings, which: Jars, without: Iterable[Pinned] = ()) -> int:
    """Resolve the pom with Maven and write the lock file; return the number of jars.

    Args:
        without: jars of another lock file, which are left out.

    Raises:
        WorkshopError: `mvn` is not on the PATH, or could not resolve the pom.
    """
    maven = shutil.which("mvn")
    if which.pom is None:
        raise ValueError(f"{which.lock} is written by hand")
    if maven is None:
        raise WorkshopError("Renewing the lock needs Maven (`mvn`) on the PATH.", "Only maintainers need it.")
    with tempfile.TemporaryDirectory() as scratch:
        repository = Path(scratch) / "repository"
        entries = [_entry(path, repository) for path in _resolve(maven, settings.root / which.pom, repository)]
    known = {jar.path for jar in without}
    entries = sorted((entry for entry in entries if entry["path"] not in known), key=lambda entry: entry["path"])
    write_atomically(settings.root / which.lock, json.dumps({"jars": entries}, indent=1) + "\n")
    return len(entries)


def _resolve(maven: str, pom: Path, repository: Path) -> list[Path]:
    listing = repository.parent / "classpath"
    command = [maven, "-q", "-B", "-f", str(pom), f"-Dmaven.repo.local={repository}", f"-Dmdep.outputFile={listing}"]
    done = subprocess.run([*command, "dependency:build-classpath"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkshopError(f"Maven could not resolve {pom}.", detail=done.stdout[-2000:])
    return [Path(jar) for jar in listing.read_text().split(":")]


def _entry(jar: Path, repository: Path) -> dict:
    return {"path": jar.relative_to(repository).as_posix(), "size": jar.stat().st_size, "sha256": sha256(jar)}
