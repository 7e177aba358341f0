"""For maintainers: renews infra/deploy/kind/offline/go.mod and go.sum for the pinned Kubernetes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.kubernetes.kind.offline.steps import SOURCES
from workshop.stack.toolchain import go
from workshop.stack.toolchain.shell import BuildFailed, Shell
from workshop.stack.toolchain.versions import KUBERNETES

MODULE = "workshop/node"
OF_KUBERNETES = "k8s.io/kubernetes"
# Also used by our own programs, which must not require newer versions than Kubernetes does.
SHARED = (
    "google.golang.org/grpc",
    "github.com/spf13/cobra",
    "github.com/vishvananda/netlink",
    "go.etcd.io/etcd/server/v3",
)


def lock(settings: Settings, timeline: Timeline) -> None:
    """Rewrite both files, which then pin what `workshop kind build-image` compiles.

    Raises:
        WorkshopError: a module or the network is not available.
    """
    tool = go.provide(settings, timeline)
    shell = Shell(settings.cache / "kind" / "offline" / "logs" / "lock.log", tool.env)
    folder = settings.root / SOURCES
    try:
        described = shell.read(tool.path, "mod", "download", "-json", f"{OF_KUBERNETES}@{KUBERNETES}")
        write_atomically(folder / "go.mod", go_mod(Path(json.loads(described)["GoMod"]).read_text(), KUBERNETES))
        (folder / "go.sum").unlink(missing_ok=True)
        with timeline.step("go mod tidy"):
            shell.run(tool.path, "mod", "tidy", cwd=folder)
    except BuildFailed as error:
        raise WorkshopError(f"The pins could not be renewed: {error}.", "Check the network.", shell.tail()) from error


def go_mod(kubernetes: str, version: str) -> str:
    """Return our go.mod, derived from that of Kubernetes.

    Kubernetes requires its own modules as v0.0.0; here each has its published version.
    """
    part = f"v0.{version.removeprefix('v1.')}"
    lines = [f"module {MODULE}", "", *re.findall(r"^(?:go|godebug) .+$", kubernetes, re.MULTILINE)]
    lines.append(f"require {OF_KUBERNETES} {version}")
    for module in sorted(set(re.findall(r"^\t(k8s\.io/[a-z-]+) v0\.0\.0(?= //|$)", kubernetes, re.MULTILINE))):
        lines += [f"replace {module} => {module} {part}", f"require {module} {part}"]
    required = dict(re.findall(r"^\t(\S+) (v\S+)", kubernetes, re.MULTILINE))
    lines += [f"require {module} {required[module]}" for module in SHARED]
    return "\n".join(lines) + "\n"
