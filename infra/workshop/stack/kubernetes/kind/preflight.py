"""Checks before the start whether Docker can run the cluster; each finding has the change to make."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from workshop.base.diagnostic import Finding
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.kubernetes.kind import engine
from workshop.stack.kubernetes.kind.nodes import Nodes

NEEDED_MEMORY = 3.5e9  # bytes of Docker's memory: four nodes, brokers and services need about 2.5 GB
NEEDED_DISK = 6.0e9
NEEDED_AGAIN = 1.0e9  # for a cluster that exists: events, and rebuilt images
NEEDED_INSTANCES = 256  # inotify instances: each node's systemd, kubelet and containerd use some
NEEDED_WATCHES = 65_536
LIMITS = Path("/proc/sys/fs/inotify")


def measure(settings: Settings) -> list[Finding]:
    """Run all checks; the engine must answer."""
    info = engine.info()
    return [*_size(settings, info), *_kind_of_engine(info), *_limits()]


def must_pass(settings: Settings) -> None:
    """Check that nothing prevents the cluster from working.

    Raises:
        WorkshopError: the first failed check, with the change to make.
    """
    if why_not := engine.answers():
        raise WorkshopError(f"The backend kind needs Docker: {why_not}.", engine.NO_ANSWER)
    for finding in measure(settings):
        if finding.stops and not finding.good:
            raise WorkshopError(f"{finding.what}: {finding.seen}.", finding.next_step)


def _size(settings: Settings, info: dict) -> Iterator[Finding]:
    memory = info.get("MemTotal", 0)
    advice = "Give Docker 4 GB or more (Docker Desktop: Settings, Resources; WSL2: memory= in .wslconfig)."
    yield Finding(memory >= NEEDED_MEMORY, "Docker's memory", f"{memory / 1e9:.1f} GB", advice)
    root = Path(info.get("DockerRootDir", "/"))
    if root.exists():  # otherwise the engine runs in a virtual machine, whose disk is not visible from here
        made = Nodes(settings).record()
        needed = NEEDED_AGAIN if made and made.control_plane else NEEDED_DISK
        free = shutil.disk_usage(root).free
        advice = (
            "Free some space: `docker system df` shows what takes it, `docker system prune` deletes what is unused."
        )
        yield Finding(free >= needed, "Docker's disk", f"{free / 1e9:.1f} GB free, {needed / 1e9:.0f} needed", advice)


def _kind_of_engine(info: dict) -> Iterator[Finding]:
    system, machine = info.get("OSType", "linux"), info.get("Architecture", platform.machine())
    advice = "Switch Docker to Linux containers."
    yield Finding(system == "linux", "Docker's containers", f"{system} {machine}", advice)
    version = str(info.get("CgroupVersion", "?"))
    advice = (
        "cgroup v1 is on its way out: the pinned node image wants v2; one from `workshop kind build-image` takes both."
    )
    yield Finding(version == "2", "cgroups", f"version {version}", advice, stops=False)
    if "microsoft" in platform.release().lower():
        yield Finding(True, "system", "WSL2: Docker Desktop's integration with this distribution must be on")


def _limits() -> Iterator[Finding]:
    for name, needed in (("max_user_instances", NEEDED_INSTANCES), ("max_user_watches", NEEDED_WATCHES)):
        file = LIMITS / name
        if file.exists():
            have = int(file.read_text())
            advice = (
                f"Raise it: `sudo sysctl fs.inotify.{name}={2 * needed}`; nodes fail with 'too many open files' else."
            )
            yield Finding(have >= needed, f"inotify {name}", str(have), advice)
