"""The node image: Debian, Kubernetes' programs, kind's own files, and the system's images already in containerd."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from workshop.base.waiting import wait_until
from workshop.stack.kubernetes.kind.offline import archive, trees
from workshop.stack.kubernetes.kind.offline.archive import Image
from workshop.stack.kubernetes.kind.offline.kind_source import KindSource
from workshop.stack.kubernetes.kind.offline.steps import Site
from workshop.stack.toolchain.shell import BuildFailed, Shell
from workshop.stack.toolchain.versions import KUBERNETES

PROGRAMS = {
    "usr/local/bin": (("containerd", "containerd"), ("containerd", "ctr"), ("containerd", "containerd-shim-runc-v2")),
    "opt/cni/bin": tuple(("cni", name) for name in ("ptp", "host-local", "loopback", "portmap")),
}
OF_KIND = ("etc", "kind", "usr")
NOT_OF_KIND = ("usr/local/bin/clean-install", "etc/systemd/system/containerd-fuse-overlayfs.service")
EXECUTABLE = ("usr/local/bin", "kind/bin")
# What systemd would start in a machine of its own, and not in a container.
NOT_STARTED = (
    *(f"lib/systemd/system/{target}.target.wants/*" for target in ("multi-user", "local-fs", "basic")),
    *(f"lib/systemd/system/sockets.target.wants/*{name}*" for name in ("udev", "initctl")),
    "etc/systemd/system/*.wants/*",
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
)
STARTED = ("kubelet", "containerd", "undo-mount-hacks")
CONFIG = {
    "Env": ["container=docker", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    "Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"],
    "StopSignal": "SIGRTMIN+3",
}
CONTAINERD = """version = 2
root = "{root}"
state = "{scratch}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{scratch}/socket"
"""


def name(key: str) -> str:
    """The node image's name: a cluster of an earlier build is told from one of this build by it."""
    return f"workshop/node:{KUBERNETES}-{key}"


def image(site: Site, made: Path) -> None:
    """The node image, as an archive for `docker load`."""
    tree = site.scratch / "tree"
    trees.unpack(site.shell, site.made("node-tree", "tree.tar.zst"), tree)
    kind = KindSource.of(site)
    _take_files(kind.files, tree)
    _choose_services(tree)
    _add_manifests(kind, site.sources, tree)
    _fit_any_machine(site.sources, tree)
    _add_programs(site, tree)
    _prepare_containers(site, tree)
    _store_images(site, tree)
    trees.remove(tree, ("usr/sbin/policy-rc.d", "etc/machine-id"))
    pack_image(site, tree, f"docker.io/{name(site.key)}", CONFIG, made / "node.tar.zst")


def pack_image(site: Site, tree: Path, image_name: str, config: dict, packed: Path) -> None:
    """A tree as an image of one layer, in a packed archive whose layer is plain: what every Docker engine loads."""
    plain = packed.with_suffix("")
    archive.write(plain, [Image(image_name, (tree,), config)])
    trees.compress(site.shell, plain, packed)


def _take_files(files: Path, tree: Path) -> None:
    for source in sorted(path for folder in OF_KIND for path in (files / folder).rglob("*") if path.is_file()):
        inside = source.relative_to(files)
        if inside.as_posix() in NOT_OF_KIND:
            continue
        target = tree / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if inside.parent.as_posix() in EXECUTABLE else 0o644)


def _choose_services(tree: Path) -> None:
    trees.remove(tree, NOT_STARTED)
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    for service in STARTED:
        (wants / f"{service}.service").symlink_to(f"/etc/systemd/system/{service}.service")
    # Binary formats are the whole machine's: a node must not register any.
    (tree / "etc/systemd/system/systemd-binfmt.service").symlink_to("/dev/null")
    with (tree / "etc/systemd/journald.conf").open("a") as settings:
        settings.write("ReadKMsg=no\n")


def _add_manifests(kind: KindSource, sources: Path, tree: Path) -> None:
    folder = tree / "kind/manifests"
    folder.mkdir(parents=True)
    (folder / "default-storage.yaml").write_text(kind.storage("defaultStorageManifest"))
    shutil.copyfile(sources / "pod-network.yaml", folder / "default-cni.yaml")
    (tree / "kind/version").write_text(KUBERNETES)
    (tree / "etc/kubernetes/manifests").mkdir(parents=True)


def _fit_any_machine(sources: Path, tree: Path) -> None:
    """Also run on cgroup v1, and where this machine may not lower a process's oom_score_adj (no CAP_SYS_RESOURCE)."""
    folder = tree / "etc/kubernetes/kubelet.conf.d"
    folder.mkdir(parents=True)
    shutil.copyfile(sources / "kubelet-cgroup-v1.yaml", folder / "10-cgroup-v1.conf")
    _replace(
        tree / "etc/default/kubelet",
        "KUBELET_EXTRA_ARGS=",
        "KUBELET_EXTRA_ARGS=--config-dir=/etc/kubernetes/kubelet.conf.d ",
    )
    _replace(tree / "etc/containerd/config.toml", "restrict_oom_score_adj = false", "restrict_oom_score_adj = true")


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if text.count(old) != 1:
        raise BuildFailed(f"kind's {file.name} has {text.count(old)} times '{old}', and once was expected")
    file.write_text(text.replace(old, new))


def _add_programs(site: Site, tree: Path) -> None:
    for folder, programs in PROGRAMS.items():
        (tree / folder).mkdir(parents=True, exist_ok=True)
        for step, program in programs:
            _install(site.made(step, program), tree / folder / program)
    kubelet = tree / "usr/bin/kubelet"
    _install(site.made("node", "node"), kubelet)
    for program in ("kubeadm", "kubectl", "crictl"):
        (tree / "usr/bin" / program).hardlink_to(kubelet)


def _install(program: Path, target: Path) -> None:
    shutil.copyfile(program, target)
    target.chmod(0o755)


def _prepare_containers(site: Site, tree: Path) -> None:
    """What containerd starts from for every container of a pod: kind's hook hides the machine's product name."""
    spec = json.loads(site.shell.read(site.made("containerd", "ctr"), "oci", "spec"))
    spec["process"].pop("rlimits", None)
    hooks = spec.setdefault("hooks", {}).setdefault("createContainer", [])
    hooks.append({"path": "/kind/bin/mount-product-files.sh"})
    (tree / "etc/containerd/cri-base.json").write_text(json.dumps(spec))


def _store_images(site: Site, tree: Path) -> None:
    """Import the system's images into the node's containerd, still packed: a node unpacks those that it runs."""
    root = tree / "var/lib/containerd"
    with tempfile.TemporaryDirectory(prefix="workshop-") as scratch:  # a socket's path must be short
        config, socket = Path(scratch) / "config.toml", Path(scratch) / "socket"
        config.write_text(CONTAINERD.format(root=root, scratch=scratch))
        with site.shell.background(site.made("containerd", "containerd"), "--config", config):
            wait_until(socket.exists, 30, "containerd, which stores the system's images", detail=site.shell.tail)
            _import(site.shell, site.made("containerd", "ctr"), socket, site.made("system-images", "system.tar"))
    shutil.rmtree(root / "io.containerd.grpc.v1.introspection", ignore_errors=True)


def _import(shell: Shell, ctr: Path, socket: Path, images: Path) -> None:
    inside = (ctr, "--address", socket, "--namespace", "k8s.io", "images")
    shell.run(*inside, "import", "--label=io.cri-containerd.pinned=pinned", "--no-unpack", images)
    shell.run(*inside, "list")
