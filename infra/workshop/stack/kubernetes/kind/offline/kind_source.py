"""The parts of a node image that come from kind's own source, at the version that infra/deploy/kind/tool pins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workshop.stack.kubernetes.kind import binary
from workshop.stack.kubernetes.kind.offline.go_constants import constant
from workshop.stack.kubernetes.kind.offline.steps import Site
from workshop.stack.toolchain.shell import BuildFailed

STORAGE = Path("pkg/build/nodeimage/const_storage.go")
FILES = Path("images/base/files")


@dataclass(frozen=True)
class KindSource:
    """The folder of kind's source."""

    folder: Path

    @classmethod
    def of(cls, site: Site) -> KindSource:
        """Fetched, and checked against the pin."""
        return cls(site.go.fetch_required(site.shell, binary.PACKAGE, site.root / binary.MODULE))

    @property
    def files(self) -> Path:
        """What kind's base image has of its own, as it lies in a node."""
        return self.folder / FILES

    @property
    def pause_image(self) -> str:
        """The image of a pod's first process, as kind sets up containerd."""
        config = (self.files / "etc/containerd/config.toml").read_text()
        if not (found := re.search(r'^\s*sandbox_image = "([^"]+)"', config, re.MULTILINE)):
            raise BuildFailed("kind's settings for containerd name no sandbox image")
        return found[1]

    def storage(self, name: str) -> str:
        """A constant of the default storage: its manifest, or the name of an image of it."""
        return constant(self.folder / STORAGE, name)
