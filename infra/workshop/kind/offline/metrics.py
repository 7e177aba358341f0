"""metrics-server: its image, and its release's own manifest, set up for kubelets that sign their certificates themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

from workshop.kind.offline import node
from workshop.kind.offline.steps import Site
from workshop.kind.offline.system import image_of
from workshop.kind.offline.versions import METRICS_SERVER

NAME = f"registry.k8s.io/metrics-server/metrics-server:{METRICS_SERVER.version}"


def image(site: Site, made: Path) -> None:
    """The image, as an archive for `docker load`."""
    tree = site.scratch / "tree"
    (tree / "tmp").mkdir(parents=True)
    program = shutil.copy(site.made("metrics-server", "metrics-server"), tree / "metrics-server")
    Path(program).chmod(0o755)
    config = dict(image_of(NAME, (), "/metrics-server").config)
    node.pack_image(site, tree, NAME, config, made / "metrics-server.tar.zst")


def manifest(site: Site, made: Path) -> None:
    """The manifest, to be applied as it is."""
    release = site.go.fetch(site.shell, METRICS_SERVER) / "manifests"
    folder, overlay = site.scratch / "manifests", site.scratch / "manifests/overlays/kind"
    shutil.copytree(release, folder, copy_function=shutil.copyfile)
    overlay.mkdir(parents=True)
    text = (site.sources / "metrics-server.yaml").read_text()
    (overlay / "kustomization.yaml").write_text(text.replace("VERSION", METRICS_SERVER.version))
    kubectl = site.scratch / "kubectl"
    kubectl.symlink_to(site.made("node", "node"))
    (made / "metrics-server.yaml").write_text(site.shell.read(kubectl, "kustomize", overlay))
