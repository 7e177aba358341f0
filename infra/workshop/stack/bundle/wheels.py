"""Wheels of requirements.txt and of the installer, for this machine and several Python versions."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from packaging import tags
from packaging.markers import Marker, default_environment
from packaging.utils import parse_wheel_filename

from workshop.base.diagnosis import DISK, Diagnosis, diagnose
from workshop.base.errors import WorkshopError
from workshop.base.files import locked
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.toolchain.keys import digest

SOURCES = (Path("infra/installer.txt"), Path("requirements.txt"))
STREAMS = Path("infra/streams/requirements.txt")  # has other versions of some packages, so pip reads it separately
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
AT_ONCE = 24  # packages per call of pip: complete calls are kept if a later one is interrupted
OLD_NAMES = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}


def own_python() -> str:
    """Return the version of the running Python, such as 3.11."""
    return ".".join(platform.python_version_tuple()[:2])


def folder(settings: Settings, python: str) -> Path:
    """Return the folder of the complete wheels for a Python version; its name has a hash of the pins."""
    pins = digest([settings.root / source for source in (*SOURCES, STREAMS)], settings.root)
    return settings.cache / "wheels" / f"{python}-{pins}"


def there(settings: Settings, python: str) -> list[Path]:
    """Return the wheels for a Python version; empty unless the download is complete."""
    return sorted(folder(settings, python).glob("*.whl"))


def bring(settings: Settings, timeline: Timeline, python: str) -> list[Path]:
    """Download the wheels for a Python version, each verified against its pinned hash.

    Wheels of an interrupted call are kept.

    Raises:
        WorkshopError: pip could not download a wheel; the detail is the end of its output.
    """
    place = folder(settings, python)
    with locked(settings.cache / "wheels" / "lock", 1800, "fetches Python's packages"):
        if not place.is_dir():
            part = place.with_name(f"{place.name}.part")
            part.mkdir(parents=True, exist_ok=True)
            with timeline.step(f"Python's packages for {python}"):
                for wanted in sets(settings, python):
                    _download(settings, part, wanted, python)
            part.rename(place)
    return there(settings, python)


def sets(settings: Settings, python: str) -> list[list[str]]:
    """Return the requirements in sets, each without those of the sets before it.

    The sets are those of the ordinary environment and those of lesson 11, for the last patch release and for the first: some
    markers depend on the patch release.
    """
    ordinary = "".join((settings.root / source).read_text() for source in SOURCES)
    texts = ordinary, (settings.root / STREAMS).read_text()
    found: list[list[str]] = []
    names: set[str] = set()
    for text in texts:
        for patch in (99, 0):
            new = [block for block in needed(text, f"{python}.{patch}") if block.split()[0] not in names]
            names |= {block.split()[0] for block in new}
            found.append(new)
    return found


def needed(text: str, release: str) -> list[str]:
    """Return the pinned requirements that apply to a Python release on this system. Pure.

    Each has its hashes.
    """
    here = cast("dict[str, str]", default_environment())
    env = {**here, "python_version": release.rpartition(".")[0], "python_full_version": release}
    blocks = [match[0] for match in re.finditer(r"^\S+==.*(?:\n[ ]+--hash=.*)+", text, re.MULTILINE)]
    chosen = []
    for block in blocks:
        first, _, hashes = block.partition(" \\\n")
        name, _, marker = first.partition(" ; ")
        if not marker or Marker(marker).evaluate(env):
            chosen.append(f"{name} \\\n{hashes}\n")
    return chosen


def oldest_glibc(names: Iterable[str]) -> str:
    """Return the minimum glibc version of all these wheels, from their names; 2.0 if none has one. Pure."""
    return f"2.{max((_glibc(name) for name in names), default=0)}"


def _glibc(name: str) -> int:
    """Return the minor number of the glibc version that a wheel needs."""
    platforms = {tag.platform for tag in parse_wheel_filename(name)[3]}
    found = []
    for one in platforms:
        if match := re.match(r"manylinux_2_(\d+)_", one):
            found.append(int(match[1]))
        elif one.split("_")[0] in OLD_NAMES:
            found.append(OLD_NAMES[one.split("_")[0]])
    return min(found, default=0)


def _download(settings: Settings, part: Path, wanted: list[str], python: str) -> None:
    other = [] if python == own_python() else _flags(python)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-cache-dir"]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--ignore-requires-python"]
    command += [*other, "--dest", str(part)]
    for start in range(0, len(wanted), AT_ONCE):
        listed = part / "requirements"
        listed.write_text("".join(wanted[start : start + AT_ONCE]))
        done = subprocess.run([*command, "-r", str(listed)], capture_output=True, text=True, check=False)
        if done.returncode:
            full = shutil.disk_usage(part).free < 1e8  # pip does not always say so
            raise WorkshopError(
                f"Python's packages for {python} could not be fetched.",
                diagnose("no space left" if full else done.stderr, NOT_FETCHED).advice,
                "\n".join(done.stderr.strip().splitlines()[-3:]),
            )
        listed.unlink()


def _flags(python: str) -> list[str]:
    """Return pip's options that select wheels for another Python version on this machine."""
    abi = f"cp{python.replace('.', '')}"
    words = ["--python-version", python, "--implementation", "cp"]
    words += [word for name in (abi, "abi3", "none") for word in ("--abi", name)]
    return words + [word for name in tags.platform_tags() for word in ("--platform", name)]


# Texts in the output of a failed download.
NOT_FETCHED = (
    Diagnosis(
        DISK,
        "The disk is full.",
        "Free some space, then run the same command again. Complete downloads are kept.",
    ),
    Diagnosis(
        "do not match the hashes",
        "A download does not match its pinned hash and was not kept.",
        "Check the mirror in PIP_INDEX_URL.",
    ),
    Diagnosis(
        "",
        "",
        "Check the network; with a mirror set PIP_INDEX_URL, behind a proxy https_proxy. "
        "Then run the same command again: complete downloads are kept.",
    ),
)
