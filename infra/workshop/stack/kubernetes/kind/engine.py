"""Client of the Docker engine: one call per command, with readable errors."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from workshop.base.diagnosis import DISK, Diagnosis, diagnose
from workshop.base.errors import WorkshopError

FULL = Diagnosis(
    DISK,
    "Docker's disk is full.",
    "`docker system df` shows what takes it, `docker system prune` frees some.",
)
ENOUGH = 50e6  # bytes
NO_ANSWER = "Start Docker, or take `--backend local`, which needs none."


def docker(*words: str, timeout: float = 120, data: bytes | None = None) -> str:
    """Run `docker` with these arguments; return its output.

    Raises:
        WorkshopError: `docker` is missing, times out or fails; the detail is the end of its error output.
    """
    try:
        done = subprocess.run(["docker", *words], input=data, capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise WorkshopError("There is no `docker` on the PATH.", "Install Docker, or take `--backend local`.") from None
    except subprocess.TimeoutExpired:
        raise WorkshopError(f"`docker {words[0]}` did not end within {timeout:g} s.", NO_ANSWER) from None
    if done.returncode:
        raise WorkshopError(
            f"`docker {' '.join(words[:3])}` failed.", _advice(done.stdout + done.stderr), _end(done.stderr)
        )
    return done.stdout.decode(errors="replace").strip()


def answers() -> str:
    """Return an empty string if an engine answers, otherwise the reason as a message."""
    if shutil.which("docker") is None:
        return "there is no `docker` on the PATH"
    try:
        docker("version", "--format", "{{.Server.Version}}", timeout=10)
    except WorkshopError as error:
        return f"no Docker engine answers: {_last_line(error).rstrip('.?! ')}"
    return ""


def info() -> dict:
    """Return the engine's description of itself: memory in bytes, cores, cgroup version, data folder."""
    return json.loads(docker("info", "--format", "{{json .}}", timeout=30))


def disk_is_full() -> bool:
    """Return whether the engine's disk is full, as far as it is visible from here.

    Programs in a build may not report a full disk.
    """
    try:
        return shutil.disk_usage(info()["DockerRootDir"]).free < ENOUGH
    except (OSError, KeyError, WorkshopError):
        return False


def image_id(image: str) -> str:
    """Return the id of an image that the engine has; empty if it has none."""
    try:
        return docker("image", "inspect", "--format", "{{.Id}}", image, timeout=30)
    except WorkshopError:
        return ""


def image_label(image: str, label: str) -> str:
    """Return the value of an image's label; empty if there is none."""
    try:
        return docker("image", "inspect", "--format", f'{{{{index .Config.Labels "{label}"}}}}', image, timeout=30)
    except WorkshopError:
        return ""


def containers(cluster: str, *, all_of_them: bool = True) -> dict[str, str]:
    """Return the node containers of a kind cluster: id by name."""
    which = ["--all"] if all_of_them else []
    label = f"label=io.x-k8s.kind.cluster={cluster}"
    listed = docker("ps", *which, "--no-trunc", "--filter", label, "--format", "{{.Names}} {{.ID}}")
    return dict(line.split() for line in listed.splitlines())


def load(archive: Path) -> None:
    """Load an image archive into the engine; it may be compressed by gzip or zstd.

    Raises:
        WorkshopError: the archive is missing or cannot be loaded.
    """
    if not archive.is_file():
        raise WorkshopError(f"There is no image archive {archive}.", "WORKSHOP_NODE_ARCHIVE names the node image's.")
    if archive.suffix != ".zst":
        docker("load", "--input", str(archive), timeout=600)
        return
    if shutil.which("zstd") is None:
        raise WorkshopError(f"{archive.name} is compressed by zstd, which is not installed.", "Install `zstd`.")
    with subprocess.Popen(["zstd", "-dcq", str(archive)], stdout=subprocess.PIPE) as unpack:
        done = subprocess.run(["docker", "load"], stdin=unpack.stdout, capture_output=True, timeout=600, check=False)
    if done.returncode or unpack.returncode:
        raise WorkshopError(
            f"{archive.name} could not be loaded.", _advice(done.stdout + done.stderr), _end(done.stderr)
        )


def _end(said: bytes) -> str:
    return "\n".join(said.decode(errors="replace").strip().splitlines()[-6:])


def _last_line(error: WorkshopError) -> str:
    return (error.detail or error.happened).splitlines()[-1]


# Texts in the output of a failed `docker`.
REFUSED = (
    FULL,
    Diagnosis(
        "permission denied.*docker|docker.*permission denied",
        "You may not use Docker.",
        "Join its group (`sudo usermod -aG docker $USER`, then log in again).",
    ),
    Diagnosis("cannot connect|is the docker daemon running", "", NO_ANSWER),
    Diagnosis(
        "no such host|timeout|connection refused|tls handshake|proxyconnect",
        "The registry is not reached.",
        "Set WORKSHOP_REGISTRY_MIRROR, or bring the image along with WORKSHOP_NODE_ARCHIVE, or build it from package "
        "mirrors by `workshop kind build-image`.",
    ),
    Diagnosis("", "", "`workshop doctor` looks at Docker."),
)


def _advice(said: bytes) -> str:
    return diagnose(said.decode(errors="replace"), REFUSED).advice
