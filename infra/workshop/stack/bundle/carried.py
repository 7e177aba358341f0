"""A bundle on a stick: read, compared with this machine, verified, and copied into the cache.

Standard library only, without imports from the package: `environment.sh` runs this file before the environment exists.

Usage: carried.py BUNDLE PROJECT      verifies the wheels of the environment; prints an error and ends with 1 on a failure
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FORMAT = 1
SUMS, FACTS, PROJECT = "SHA256SUMS", "bundle.json", "project.tar.gz"
WHEELS, CACHE, SITE = "wheels", "cache", "site"
LOCKS = ("infra/deploy/kafka/jars.lock", "infra/deploy/cdc/jars.lock", "infra/deploy/registry/archive.lock")
PINS = (
    *("requirements.txt", "infra/streams/requirements.txt", "infra/installer.txt", "pyproject.toml", *LOCKS),
    *(f"infra/deploy/controlplane/{name}" for name in ("main.go", "parts.go", "queues/queues.go", "go.mod", "go.sum")),
)
CHUNK = 1 << 20
JARS_TIME = 1_500_000_000  # as in `workshop.base.download`: Java's ahead-of-time cache records the jars' times
SPARE = 1_000_000_000  # bytes that stay free for the stack's own data


class Refused(Exception):
    """A bundle that cannot be used: the fact and the next step."""

    def __init__(self, happened: str, next_step: str) -> None:
        super().__init__(f"{happened} {next_step}")
        self.happened, self.next_step = happened, next_step


@dataclass(frozen=True)
class Carried:
    """A bundle: its folder, the hashes of its files by their path in it, and the content of bundle.json."""

    folder: Path
    sums: dict[str, str]
    facts: dict

    def within(self, part: str) -> list[str]:
        """Return the paths of the files in one of the bundle's folders."""
        return [path for path in self.sums if path.startswith(f"{part}/")]


def opened(named: str) -> Carried:
    """Read a bundle's SHA256SUMS and bundle.json.

    Args:
        named: the bundle's folder; with `#sha256=` and the hash of SHA256SUMS, if that was received separately.

    Raises:
        Refused: the bundle is missing, incomplete, or does not match the given hash.
    """
    place, _, wanted = named.partition("#sha256=")
    folder = Path(os.path.abspath(os.path.expanduser(place)))
    if not folder.is_dir():
        raise Refused(
            f"There is no folder {folder}, so no bundle.",
            "Check that the stick is plugged in and that this is its path.",
        )
    if not (folder / SUMS).is_file():
        what = "is not finished" if (folder / CACHE).exists() or (folder / WHEELS).exists() else "is no bundle"
        raise Refused(
            f"{folder} {what}: it has no {SUMS}, which is written last.",
            f"`workshop bundle {folder}`, on a machine with a network, creates or resumes it.",
        )
    if wanted and (found := sha256(folder / SUMS)) != wanted.lower():
        raise Refused(
            f"{folder} does not match the given hash: the SHA-256 of its {SUMS} is {found}.",
            "Compare it with the hash that `workshop bundle` printed; no file of the bundle was used.",
        )
    sums = _sums(folder)
    check(Carried(folder, sums, {}), [FACTS])
    try:
        facts = json.loads((folder / FACTS).read_text())
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise Refused(f"{folder / FACTS} cannot be read.", "Make the bundle again: `workshop bundle DIR`.")
    if facts.get("files", len(sums)) != len(sums):
        raise Refused(
            f"{folder / SUMS} is cut short: it names {len(sums)} of {facts['files']} files.",
            "Copy the bundle to the stick again.",
        )
    return Carried(folder, sums, facts)


def _sums(folder: Path) -> dict[str, str]:
    sums = {}
    for number, line in enumerate((folder / SUMS).read_text(errors="replace").splitlines(), 1):
        found = re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line)
        # A path that leaves the folder could overwrite other files.
        if not found or PurePosixPath(found[2]).is_absolute() or ".." in PurePosixPath(found[2]).parts:
            raise Refused(
                f"{folder / SUMS} is damaged: line {number} is not a hash and a file of the bundle.",
                "Copy the bundle to the stick again; nothing of it was used.",
            )
        sums[found[2]] = found[1]
    if FACTS not in sums:
        raise Refused(f"{folder / SUMS} is cut short: it does not name {FACTS}.", "Copy the bundle to the stick again.")
    return sums


def must_fit(bundle: Carried, root: Path) -> None:
    """Compare a bundle with this machine, its Python and this project.

    Raises:
        Refused: the bundle is for another machine, Python or version of the project.
    """
    facts, folder = bundle.facts, bundle.folder
    if facts.get("format") != FORMAT:
        raise Refused(
            f"The bundle {folder} is of another version of the workshop (format {facts.get('format')}, not {FORMAT}).",
            _take_its_project(folder),
        )
    made_for, here = f"{facts['system']} {facts['machine']}", f"{platform.system()} {platform.machine()}"
    if made_for != here:
        raise Refused(
            f"The bundle {folder} is for {made_for}; this machine is {here}.",
            "Make one on a machine such as this, with a network: `workshop bundle DIR`.",
        )
    libc, version = platform.libc_ver()
    if facts["system"] == "Linux" and not (libc == "glibc" and _numbers(version) >= _numbers(facts["glibc"])):
        raise Refused(
            f"The packages of the bundle {folder} need glibc {facts['glibc']} or newer; this machine has "
            f"{f'{libc} {version}'.strip() or 'none'}.",
            "Take a newer Linux, or make the bundle on a machine such as this.",
        )
    python = platform.python_version().rpartition(".")[0]
    if python not in facts["pythons"].split():
        raise Refused(
            f"The bundle {folder} brings packages for Python {facts['pythons'].replace(' ', ', ')}; this is {python}.",
            f"Set WORKSHOP_PYTHON to such a Python, or make the bundle with `--python {python}`.",
        )
    for path, wanted in facts["pins"].items():
        if not (root / path).is_file() or sha256(root / path) != wanted:
            raise Refused(
                f"The bundle {folder} is of another version of the project ({facts['revision']}): {path} differs.",
                _take_its_project(folder),
            )


def _take_its_project(folder: Path) -> str:
    return f"Take the project that it carries: `sh {folder}/start.sh`; or make the bundle again."


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def check(bundle: Carried, paths: Iterable[str], progress: Callable[[int], None] = lambda amount: None) -> None:
    """Verify the hashes of files of a bundle.

    Args:
        progress: called with the number of bytes read.

    Raises:
        Refused: a file is missing, cannot be read, or differs.
    """
    for path in paths:
        if _read(bundle, path, progress) != bundle.sums[path]:
            raise _damaged(bundle, path)


def fill(bundle: Carried, root: Path, cache: Path, progress: Callable[[int], None] = lambda amount: None) -> int:
    """Copy the bundle's cache into the workshop's cache; return the number of bytes copied.

    Correct files in the cache are kept.

    Raises:
        Refused: a file is missing, differs, or does not match this project's pins; or the disk is full.
    """
    paths = bundle.within(CACHE)
    _must_be_as_pinned(bundle, paths, root)
    targets = {path: cache / path.removeprefix(f"{CACHE}/") for path in paths}
    own = bundle.facts["recorded"]  # an existing recording of this machine is kept, although it differs
    there = {path for path, target in targets.items() if target.is_file()}
    wanted = [
        path for path in paths if path not in there or (path not in own and sha256(targets[path]) != bundle.sums[path])
    ]
    cache.mkdir(parents=True, exist_ok=True)
    needed = sum(_size(bundle, path) for path in wanted)
    free = shutil.disk_usage(cache).free
    if wanted and free < needed + SPARE:
        raise Refused(
            f"The disk does not have enough space: {(needed + SPARE) / 1e9:.1f} GB are needed at {cache}, "
            f"{free / 1e9:.1f} GB are free.",
            "Free some space, or set WORKSHOP_CACHE to a folder on another disk.",
        )
    for path in wanted:
        _take(bundle, path, targets[path], progress)
    return needed


def _must_be_as_pinned(bundle: Carried, paths: Iterable[str], root: Path) -> None:
    """Check that the bundle's jars are those that this project pins, independently of SHA256SUMS."""
    pinned: dict[str, str] = {}
    for lock in LOCKS:
        entries = json.loads((root / lock).read_text())["jars"]
        pinned |= {entry["path"].rpartition("/")[2]: entry["sha256"] for entry in entries}
    for path in paths:
        name = path.rpartition("/")[2]
        if (name.endswith(".jar") or name in pinned) and bundle.sums[path] != pinned.get(name):
            raise Refused(
                f"{name} of the bundle {bundle.folder} is not the file that this project pins: its SHA-256 differs.",
                "Do not use this bundle: make it again, or ask where it comes from.",
            )


def _size(bundle: Carried, path: str) -> int:
    try:
        return (bundle.folder / path).stat().st_size
    except OSError as error:
        raise _unreadable(bundle, path, error) from None


def _take(bundle: Carried, path: str, target: Path, progress: Callable[[int], None]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as output:
            found = _read(bundle, path, progress, output.write)
        if found != bundle.sums[path]:
            raise _damaged(bundle, path)
        if target.suffix == ".jar":
            os.utime(part, (JARS_TIME, JARS_TIME))
        part.chmod(0o755 if path in bundle.facts["programs"] else 0o644)  # a stick's file system may not store modes
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _read(
    bundle: Carried, path: str, progress: Callable[[int], None], write: Callable[[bytes], object] | None = None
) -> str:
    """Read a file of the bundle once, and return its SHA-256."""
    digest = hashlib.sha256()
    for block in _blocks(bundle, path):
        digest.update(block)
        progress(len(block))
        if write:
            write(block)
    return digest.hexdigest()


def _blocks(bundle: Carried, path: str) -> Iterator[bytes]:
    try:
        with (bundle.folder / path).open("rb") as file:
            while block := file.read(CHUNK):
                yield block
    except OSError as error:
        raise _unreadable(bundle, path, error) from None


def _unreadable(bundle: Carried, path: str, error: OSError) -> Refused:
    if isinstance(error, FileNotFoundError):
        return Refused(
            f"The bundle {bundle.folder} is incomplete: {path} is missing.", "Copy the bundle to the stick again."
        )
    return Refused(
        f"{path} of the bundle {bundle.folder} cannot be read: {error.strerror}.",
        "Take another stick, or copy the bundle again.",
    )


def _damaged(bundle: Carried, path: str) -> Refused:
    return Refused(
        f"{path} of the bundle {bundle.folder} is damaged: its SHA-256 is not the one in {SUMS}.",
        "Copy the bundle to the stick again; the damaged file was not used.",
    )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(named: str, root: str) -> int:
    try:
        bundle = opened(named)
        must_fit(bundle, Path(root))
        check(bundle, bundle.within(WHEELS))
    except Refused as refused:
        print(f"{refused.happened}\n→ {refused.next_step}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The bundle {named} cannot be read: {error}.\n→ Take another stick, or copy it again.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
