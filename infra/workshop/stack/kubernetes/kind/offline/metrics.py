"""metrics-server's image; its manifest is infra/deploy/kubernetes/metrics-server."""

from __future__ import annotations

import shutil
from pathlib import Path

from workshop.stack.kubernetes.kind.offline import node
from workshop.stack.kubernetes.kind.offline.steps import Site
from workshop.stack.kubernetes.kind.offline.system import image_of
from workshop.stack.toolchain.versions import METRICS_SERVER

NAME = f"registry.k8s.io/metrics-server/metrics-server:{METRICS_SERVER.version}"


def image(site: Site, made: Path) -> None:
    """The image, as an archive for `docker load`."""
    tree = site.scratch / "tree"
    (tree / "tmp").mkdir(parents=True)
    program = shutil.copy(site.made("metrics-server", "metrics-server"), tree / "metrics-server")
    Path(program).chmod(0o755)
    config = dict(image_of(NAME, (), "/metrics-server").config)
    node.pack_image(site, tree, NAME, config, made / "metrics-server.tar.zst")
