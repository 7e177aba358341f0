"""`workshop bundle DIR`: writes a bundle. SHA256SUMS is written last and marks it as complete."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from workshop.base.environment import inherited
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack import site_address
from workshop.stack.backends.local import Local
from workshop.stack.bundle import carried, prefetching, wheels
from workshop.stack.bundle.carried import CACHE, CHUNK, FACTS, PINS, PROJECT, SITE, SUMS, WHEELS
from workshop.stack.kubernetes.controlplane import build

HERE = Path(__file__).parent
TEXTS = ("start.sh", "README.txt")
OURS = {SUMS, FACTS, PROJECT, WHEELS, CACHE, SITE, *TEXTS}


@dataclass(frozen=True)
class Made:
    """A written bundle: files, bytes, bytes written by this call, and the SHA-256 of SHA256SUMS."""

    files: int
    size: int
    written: int
    sha256: str


@dataclass
class _Plan:
    """The content of a bundle, by path in it.

    Attributes:
        files: the source of each file.
        programs: the executable files.
        recorded: the recorded first start, which a machine can also make itself.
    """

    files: dict[str, Path]
    programs: list[str] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)


def make(settings: Settings, folder: Path, timeline: Timeline, pythons: Sequence[str]) -> Made:
    """Download what is missing, and write the bundle into a folder.

    Correct files of an earlier call are kept.

    Raises:
        WorkshopError: the folder has other content or not enough space, or a download failed.
    """
    _must_be_ours(folder)
    changed = _not_committed(settings)
    prefetching.bring(settings, Local(settings), timeline, pythons)
    if changed:
        timeline.say(f"The bundle has the committed versions of files with uncommitted changes: {', '.join(changed)}.")
    try:
        return _write(settings, folder, timeline, pythons)
    except OSError as error:
        raise WorkshopError(
            f"{folder} cannot be written: {error.strerror or error}.",
            "Check the folder, its free space and your write permission. "
            "Then run the same command again: complete files are kept.",
        ) from error


def verify(named: str, timeline: Timeline) -> tuple[int, int]:
    """Read a whole bundle and check all hashes; return the number of its files and bytes.

    Raises:
        Refused: the folder is not a bundle.
        WorkshopError: files are missing, differ or cannot be read; the detail lists all of them.
    """
    bundle = carried.opened(named)
    size = sum((bundle.folder / path).stat().st_size for path in bundle.sums if (bundle.folder / path).exists())
    bad = []
    with timeline.step("hashes checked", size) as progress:
        for path in bundle.sums:
            try:
                carried.check(bundle, [path], progress)
            except carried.Refused:
                bad.append(path)
    if bad:
        raise WorkshopError(
            f"{len(bad)} of {len(bundle.sums)} files of {bundle.folder} are damaged, missing or unreadable.",
            f"`workshop bundle {shlex.quote(str(bundle.folder))}` writes them again; or take another stick.",
            "\n".join(bad),
        )
    return len(bundle.sums), size


def _must_be_ours(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise WorkshopError(f"{folder} is a file, not a folder.", "Name a folder, such as one on the stick.")
    foreign = sorted(path.name for path in folder.glob("*") if path.name not in OURS) if folder.exists() else []
    if foreign and not (folder / SUMS).exists() and not (folder / WHEELS).exists():
        raise WorkshopError(
            f"{folder} contains other files: {', '.join(foreign[:3])}{' …' if len(foreign) > 3 else ''}.",
            f"Name an empty folder or a new one, such as {folder / 'workshop'}.",
        )


def _git(settings: Settings, *words: str) -> str:
    # Ignore a git repository that contains this folder.
    env = inherited(GIT_CEILING_DIRECTORIES=str(settings.root.resolve().parent), LC_ALL="C")
    try:
        done = subprocess.run(
            ["git", "-C", settings.root, *words], env=env, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise WorkshopError(
            "A bundle contains the last git commit, but `git` is not on the PATH.", "Install git."
        ) from None
    if "safe.directory" in done.stderr:  # as in a container that mounts the project
        raise WorkshopError(
            f"git does not read {settings.root}, because the folder belongs to another user.",
            f"Run `git config --global --add safe.directory {shlex.quote(str(settings.root.resolve()))}`, then this again.",
        )
    if done.returncode:
        raise WorkshopError(
            f"{settings.root} is not a git checkout; a bundle contains the last commit.",
            "Make the bundle in a clone of the project.",
            done.stderr.strip(),
        )
    return done.stdout


def _not_committed(settings: Settings) -> list[str]:
    """Return the tracked files that differ from the last commit.

    Raises:
        WorkshopError: one of them pins files of the bundle.
    """
    _git(settings, "rev-parse", "--verify", "HEAD")  # its error says why there is no commit; that of `diff` does not
    changed = _git(settings, "diff", "--name-only", "HEAD").splitlines()
    if decisive := sorted(set(changed) & set(PINS)):
        raise WorkshopError(
            f"{decisive[0]} has uncommitted changes: the bundle would not match the project that it contains.",
            "Commit it, or take the change back: `git diff` shows it.",
        )
    return changed


def _write(settings: Settings, folder: Path, timeline: Timeline, pythons: Sequence[str]) -> Made:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMS).unlink(missing_ok=True)  # until the end of this function, the folder is not a bundle
    plan = _plan(settings, pythons)
    sizes = {path: source.stat().st_size for path, source in plan.files.items()}
    _must_have_room(folder, sizes)
    sums: dict[str, str] = {}
    written = 0
    with timeline.step(f"{folder} written", sum(sizes.values())) as progress:
        for path, source in plan.files.items():
            sums[path], amount = _copy(source, folder / path, progress)
            written += amount
    with timeline.step("the project and the list of hashes"):
        _archive(settings, folder / PROJECT)
        write_atomically(folder / FACTS, json.dumps(_facts(settings, plan, pythons), indent=1) + "\n")
        for name in (PROJECT, FACTS):
            sums[name] = carried.sha256(folder / name)
        _prune(folder, sums)
        os.sync()  # flush to the stick before SHA256SUMS declares the bundle complete
        write_atomically(folder / SUMS, "".join(f"{sums[path]}  {path}\n" for path in sorted(sums)))
    total = sum((folder / path).stat().st_size for path in sums)
    return Made(len(sums), total, written, carried.sha256(folder / SUMS))


def _plan(settings: Settings, pythons: Sequence[str]) -> _Plan:
    plan = _Plan({name: HERE / name for name in TEXTS})
    for piece in prefetching.pieces(settings, Local(settings), pythons):
        for file in piece.files:
            if file.suffix == ".whl":
                plan.files[f"{WHEELS}/{file.name}"] = file
                continue
            path = f"{CACHE}/{file.relative_to(settings.cache).as_posix()}"
            plan.files[path] = file
            if os.access(file, os.X_OK):
                plan.programs.append(path)
            if piece.name == prefetching.RECORDED:
                plan.recorded.append(path)
    plan.files |= _site(settings)
    return plan


def _site(settings: Settings) -> dict[str, Path]:
    """Return the files of the built site by their path in the bundle; empty if `workshop site` has built none."""
    folder = site_address.folder(settings.root)
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return {f"{SITE}/{path.relative_to(folder).as_posix()}": path for path in files}


def _must_have_room(folder: Path, sizes: dict[str, int]) -> None:
    there = {
        path for path, size in sizes.items() if (folder / path).exists() and (folder / path).stat().st_size == size
    }
    needed = sum(size for path, size in sizes.items() if path not in there) + 50_000_000
    if (free := shutil.disk_usage(folder).free) < needed:
        raise WorkshopError(
            f"{folder} does not have enough space: {needed / 1e6:.0f} MB more are needed, {free / 1e6:.0f} MB are free.",
            "Free some space there, or take a larger stick. Then run the same command again: complete files are kept.",
        )


def _copy(source: Path, target: Path, progress: Callable[[int], None]) -> tuple[str, int]:
    """Copy a file unless the target has the same content; return its SHA-256 and the bytes written."""
    wanted = carried.sha256(source)
    if target.is_file() and target.stat().st_size == source.stat().st_size and carried.sha256(target) == wanted:
        progress(source.stat().st_size)
        return wanted, 0
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    digest = hashlib.sha256()
    with source.open("rb") as file, part.open("wb") as output:
        while block := file.read(CHUNK):
            digest.update(block)
            output.write(block)
            progress(len(block))
    if digest.hexdigest() != wanted:
        raise WorkshopError(f"{source} changed while it was copied.", "Run the same command again.")
    part.replace(target)
    return wanted, target.stat().st_size


def _archive(settings: Settings, target: Path) -> None:
    """Write the tracked files as of the last commit."""
    part = target.with_name(f".{target.name}.part")
    _git(settings, "archive", "--format=tar.gz", f"--output={part}", "HEAD")
    part.replace(target)


def _facts(settings: Settings, plan: _Plan, pythons: Sequence[str]) -> dict:
    names = [path.rpartition("/")[2] for path in plan.files if path.startswith(f"{WHEELS}/")]
    return {
        "format": carried.FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": _git(settings, "describe", "--always", "--tags").strip(),
        "system": platform.system(),
        "machine": platform.machine(),
        "glibc": wheels.oldest_glibc(names),
        "pythons": " ".join(pythons),
        "kubernetes": build.find(settings) is not None,
        "files": len(plan.files) + len((PROJECT, FACTS)),
        "programs": plan.programs,
        "recorded": plan.recorded,
        "pins": {path: carried.sha256(settings.root / path) for path in PINS},
    }


def _prune(folder: Path, sums: dict[str, str]) -> None:
    """Delete files of an earlier bundle in this folder that are not part of this one."""
    for path in _files(folder):
        if path.relative_to(folder).as_posix() not in sums:
            path.unlink()


def _files(folder: Path) -> Iterator[Path]:
    for part in (WHEELS, CACHE, SITE):
        yield from [path for path in (folder / part).rglob("*") if path.is_file()]
