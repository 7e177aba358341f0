"""Python environments beside `.venv`, made by uv from lock files of their own: for lesson 11, and for the site."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from workshop.base.diagnosis import DISK, Diagnosis, diagnose
from workshop.base.environment import PYTHONS, inherited, own_folders, variable
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.waiting import nobody

# One line of uv's output: `Downloading rocksdict (5.9MiB)`, ` Downloaded rocksdict`, `Prepared 12 packages in 3s`.
PROGRESS = re.compile(r"^\s*((?:Download|Prepar|Install)\w+ .*)$")
NOT_OURS = (*PYTHONS, "VIRTUAL_ENV")


class UvFailed(Exception):
    """uv ended with an error; the message is its output."""


def make(
    settings: Settings,
    folder: Path,
    lock: Path,
    *,
    editable: bool = False,
    wheels: Path | None = None,
    tell: Callable[[str], None] = nobody,
) -> None:
    """Make an environment in a folder, in place of what is there; packages are hard links into the workshop's uv cache.

    Args:
        lock: the requirements file, pinned by hash.
        editable: also install the workshop's own package.
        wheels: a folder that has all packages; no network is used then.
        tell: gets lines about the progress.

    Raises:
        UvFailed: a package could not be downloaded or installed; what was made so far is left.
    """
    shutil.rmtree(folder, ignore_errors=True)
    tell("a Python environment")
    base = str(settings.python_bin / "python")
    uv(settings, ["venv", "--quiet", "--offline", "--python", base, str(folder)])
    install = ["pip", "install", "--python", str(folder / "bin" / "python")]
    packages = [*install, "--require-hashes", "-r", str(lock)]
    if wheels:
        uv(settings, [*packages, "--offline", "--no-index", "--find-links", str(wheels)], tell)
    else:
        try:
            uv(settings, [*packages, "--offline"])  # from the cache
        except UvFailed:
            uv(settings, packages, tell)
    if editable:
        own = ["--quiet", "--offline", "--no-index", "--no-deps", "--no-build-isolation"]
        uv(settings, [*install, *own, "--editable", str(settings.root)])


def uv(settings: Settings, arguments: Sequence[str], tell: Callable[[str], None] = nobody) -> None:
    """Run uv; `tell` gets its lines about the progress.

    Raises:
        UvFailed: its exit code is not 0.
    """
    command = [str(settings.python_bin / "uv"), "--no-config", "--color", "never", *arguments]
    said: list[str] = []
    with subprocess.Popen(
        command,
        env=clean_environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                said.append(line.rstrip())
                if found := PROGRESS.match(line):
                    tell(found[1])
            code = process.wait()
        finally:
            process.kill()
    if code:
        raise UvFailed("\n".join(said))


def clean_environment(settings: Settings) -> dict[str, str]:
    """Return the variables of uv, which does not read pip's settings for a mirror and for certificates."""
    more = {"UV_CACHE_DIR": own_folders(settings)["UV_CACHE_DIR"], "UV_SYSTEM_CERTS": "1"}
    if index := variable("UV_DEFAULT_INDEX") or variable("PIP_INDEX_URL") or _index_of_pip(settings):
        more["UV_DEFAULT_INDEX"] = index
    if certificates := variable("SSL_CERT_FILE") or variable("PIP_CERT"):
        more["SSL_CERT_FILE"] = certificates
    return {name: value for name, value in inherited(**more).items() if name not in NOT_OURS}


def _index_of_pip(settings: Settings) -> str:
    command = [str(settings.python_bin / "python"), "-m", "pip", "config", "get", "global.index-url"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def failure(error: UvFailed, what: str, again: str) -> WorkshopError:
    """Return what an attendee reads.

    Args:
        what: the environment, as the subject of a sentence.
        again: the command that tries again.
    """
    text = str(error)
    advice = diagnose(text, _diagnoses(again)).advice
    return WorkshopError(f"{what} could not be installed.", advice, "\n".join(text.strip().splitlines()[-4:]))


def _diagnoses(again: str) -> tuple[Diagnosis, ...]:
    """Return the texts in uv's output, and what they mean."""
    return (
        Diagnosis(DISK, "The disk is full.", f"Free some space, then run {again}."),
        Diagnosis(
            "hash mismatch",
            "A download does not match its pinned hash and was not kept.",
            "Check the mirror in PIP_INDEX_URL.",
        ),
        Diagnosis(
            "--find-links|no-index|because .* was not found",
            "The bundle lacks a package.",
            "Make the bundle again with `workshop bundle DIR`, or unset WORKSHOP_BUNDLE where there is a network.",
        ),
        Diagnosis(
            "",
            "",
            "Check the network; with a mirror set PIP_INDEX_URL, behind a proxy https_proxy. "
            f"Then run {again}: complete downloads are kept.",
        ),
    )
