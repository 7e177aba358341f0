"""What the site's builder needs: an environment of its own beside `.venv`, and packages from npm, each pinned by hash."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import shutil
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import certifi

from workshop.base.archives import unpack_tar
from workshop.base.environment import variable
from workshop.base.errors import WorkshopError
from workshop.base.files import locked, write_atomically
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.toolchain import second_environment

ENVIRONMENT = ".venv-site"
LOCK, NPM_LOCK = Path("infra/site/requirements.txt"), Path("infra/site/npm.json")
NPM = "https://registry.npmjs.org"
MARK = "made-from"
SILENCE = 30  # seconds without a byte after which a connection times out
LARGEST = 50_000_000  # bytes of one package
WAIT = 900  # seconds for another process that installs the same environment


@dataclass(frozen=True)
class Package:
    """A package of npm.

    Attributes:
        integrity: `sha512-` and the hash in base64, as npm writes it.
        folder: its name in the environment's folder `npm`.
        only: `tests` if the builder does not need it, otherwise empty.
    """

    name: str
    version: str
    integrity: str
    folder: str
    only: str = ""

    @property
    def path(self) -> str:
        """The path of its archive in a registry."""
        return f"{self.name}/-/{self.name.rpartition('/')[2]}-{self.version}.tgz"


def python(settings: Settings) -> Path:
    """Return the path of the builder's Python, which may not exist yet."""
    return settings.root / ENVIRONMENT / "bin" / "python"


def vendored(settings: Settings) -> Path:
    """Return the folder of the unpacked packages of npm."""
    return settings.root / ENVIRONMENT / "npm"


def packages(settings: Settings) -> list[Package]:
    """Return the pinned packages of npm."""
    return [Package(**entry) for entry in json.loads((settings.root / NPM_LOCK).read_text())]


def provision(settings: Settings, timeline: Timeline, *, tests: bool = False) -> None:
    """Make the environment if it is missing or out of date, and unpack the packages of npm.

    Args:
        tests: also fetch what only the tests of the site need.

    Raises:
        WorkshopError: something could not be downloaded or installed.
    """
    with locked(settings.root / "runs" / ".site-environment.lock", WAIT, "makes the environment of the site"):
        if not _is_current(settings):
            with timeline.step("environment of the site") as step:
                _make(settings, step.tell)
        for package in packages(settings):
            if (tests or package.only != "tests") and not (vendored(settings) / package.folder).is_dir():
                with timeline.step(f"{package.name} {package.version}"):
                    _unpack(settings, package)


def _fingerprint(settings: Settings) -> str:
    digest = hashlib.sha256()
    for source in (LOCK, NPM_LOCK):
        digest.update((settings.root / source).read_bytes())
    return f"{digest.hexdigest()}\n{sys.version.split()[0]}\n"


def _is_current(settings: Settings) -> bool:
    try:
        mark = (settings.root / ENVIRONMENT / MARK).read_text()
    except OSError:
        return False
    return mark == _fingerprint(settings) and python(settings).exists()


def _make(settings: Settings, tell: Callable[[str], None]) -> None:
    folder = settings.root / ENVIRONMENT
    try:
        second_environment.make(settings, folder, settings.root / LOCK, tell=tell)
    except second_environment.UvFailed as error:
        raise second_environment.failure(error, "The environment of the site", "`workshop site` again") from error
    write_atomically(folder / MARK, _fingerprint(settings))


def _unpack(settings: Settings, package: Package) -> None:
    """Download a package unless the cache has it, compare its hash, and unpack it."""
    kept = settings.cache / "npm" / package.path.rpartition("/")[2]
    if not kept.is_file() or _integrity(kept.read_bytes()) != package.integrity:
        content = _download(package)
        if _integrity(content) != package.integrity:
            raise WorkshopError(
                f"{package.name} {package.version} is not the pinned package: its SHA-512 differs. It was not kept.",
                "Check the registry in npm_config_registry, or the proxy, which may change files.",
            )
        write_atomically(kept, content)
    target = vendored(settings) / package.folder
    part = target.with_name(f".{package.folder}.part")
    shutil.rmtree(part, ignore_errors=True)
    unpack_tar(kept, part)
    (part / "package").rename(target)
    shutil.rmtree(part, ignore_errors=True)


def _integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def _download(package: Package) -> bytes:
    registry = (variable("npm_config_registry") or NPM).rstrip("/")
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    try:
        with urllib.request.urlopen(f"{registry}/{package.path}", timeout=SILENCE, context=context) as answer:  # noqa: S310
            return answer.read(LARGEST)
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise WorkshopError(
            f"{package.name} {package.version} could not be fetched: {getattr(error, 'reason', None) or error}.",
            "Check the network. Behind a proxy, set https_proxy; with a mirror of npm, set npm_config_registry. "
            "Then run `workshop site` again.",
        ) from error
