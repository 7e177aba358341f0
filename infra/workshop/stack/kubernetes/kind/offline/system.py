"""The images that run in a cluster before anything of ours: control plane, pod network, DNS, storage."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from workshop.stack.kubernetes.kind.offline import archive, trees
from workshop.stack.kubernetes.kind.offline.archive import Image
from workshop.stack.kubernetes.kind.offline.kind_source import KindSource
from workshop.stack.kubernetes.kind.offline.steps import Site
from workshop.stack.toolchain.shell import BuildFailed, Shell
from workshop.stack.toolchain.versions import COREDNS, ETCD_TAG, KUBERNETES

REGISTRY = "registry.k8s.io"
POD_NETWORK = "docker.io/workshop/pod-network:v1"  # as pod-network.yaml names it
PATH = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd", "pod-network")
HELPER = ("sh", "mkdir", "rm", "chmod", "ls", "cat", "sleep")
NETFILTER = (
    *("usr/sbin/nft", "usr/sbin/conntrack", "usr/sbin/xtables-*-multi", "usr/lib/*/xtables/*.so"),
    *("usr/sbin/iptables*", "usr/sbin/ip6tables*", "etc/alternatives/iptables*", "etc/alternatives/ip6tables*"),
)


def images(site: Site, made: Path) -> None:
    """All of them in one archive, their layers packed: containerd takes them so, and an engine never sees them."""
    tree = site.scratch / "tree"
    trees.unpack(site.shell, site.made("node-tree", "tree.tar.zst"), tree)
    layers = _layers(site, tree, site.scratch / "layers")
    wanted = _images(layers, KindSource.of(site))
    _compare(_asked_for(site), [image.name for image in wanted])
    archive.write(made / "system.tar", wanted, lambda plain, packed: trees.compress(site.shell, plain, packed))


def image_of(name: str, layers: Sequence[Path], *entrypoint: str) -> Image:
    """An image with one program; its name is in its configuration, so that no two images are the same one."""
    labels = {"org.opencontainers.image.title": name}
    return Image(
        name, tuple(layers), {"Env": [PATH], "Entrypoint": list(entrypoint), "WorkingDir": "/", "Labels": labels}
    )


def _images(layers: dict[str, Path], kind: KindSource) -> list[Image]:
    plane, netfilter = layers["plane"], layers["netfilter"]
    control = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    return [
        *(image_of(f"{REGISTRY}/{name}:{KUBERNETES}", [plane]) for name in control),
        image_of(f"{REGISTRY}/kube-proxy:{KUBERNETES}", [plane, netfilter]),
        image_of(f"{REGISTRY}/etcd:{ETCD_TAG}", [plane]),
        image_of(f"{REGISTRY}/coredns/coredns:{COREDNS.version}", [layers["coredns"]], "/coredns"),
        image_of(kind.pause_image, [layers["pause"]], "/pause"),
        image_of(POD_NETWORK, [plane, netfilter], "/usr/local/bin/pod-network"),
        image_of(kind.storage("storageProvisionerImage"), [layers["storage"]], "/usr/local/bin/local-path-provisioner"),
        image_of(kind.storage("storageHelperImage"), [layers["helper"]], "/bin/sh"),
    ]


def _layers(site: Site, tree: Path, folder: Path) -> dict[str, Path]:
    layers = {name: folder / name for name in ("plane", "pause", "coredns", "storage", "helper", "netfilter")}
    programs = layers["plane"] / "usr/local/bin"
    _put(site.made("plane", "plane"), programs)
    for name in PROGRAMS:
        (programs / name).symlink_to("plane")
    _put(site.made("pause", "pause"), layers["pause"])
    _put(site.made("coredns", "coredns"), layers["coredns"])
    _put(site.made("storage", "local-path-provisioner"), layers["storage"] / "usr/local/bin")
    _put(tree / "bin/busybox", layers["helper"] / "bin")
    for name in HELPER:
        (layers["helper"] / "bin" / name).symlink_to("busybox")
    copy_with_libraries(site.shell, tree, NETFILTER, layers["netfilter"])
    return layers


def _put(program: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(program, folder)
    (folder / program.name).chmod(0o755)


def copy_with_libraries(shell: Shell, tree: Path, patterns: Iterable[str], target: Path) -> None:
    """Copy programs from a tree into a new one, with the links among them and the shared libraries they need."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (target / "usr" / name).mkdir(parents=True)
        (target / name).symlink_to(f"usr/{name}")
    for name in ("tmp", "run", "etc"):
        (target / name).mkdir()
    found = [path for pattern in patterns for path in sorted(tree.glob(pattern)) if _is_link_or_program(path)]
    for path in found:
        _copy(path, target / path.relative_to(tree))
    programs = [f"/{path.relative_to(tree)}" for path in found if not path.is_symlink()]
    needed = libraries(shell.read("chroot", tree, "ldd", *programs))
    real = shell.read("chroot", tree, "readlink", "-f", *needed).split()  # links in the tree may begin at its root
    for library, file in zip(needed, real, strict=True):
        _copy(tree / file.lstrip("/"), target / library.lstrip("/"))


def libraries(said: str) -> list[str]:
    """The paths of the libraries that `ldd` printed."""
    words = (word for line in said.splitlines() if not line.endswith(":") for word in line.split())
    return sorted({word for word in words if word.startswith("/")})


def _is_link_or_program(path: Path) -> bool:
    return path.is_symlink() or (path.is_file() and path.read_bytes()[:4] == b"\x7fELF")


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target, follow_symlinks=False)


def _asked_for(site: Site) -> list[str]:
    """The images that this Kubernetes' kubeadm asks for."""
    kubeadm = site.scratch / "kubeadm"
    kubeadm.symlink_to(site.made("node", "node"))
    return site.shell.read(kubeadm, "config", "images", "list", "--kubernetes-version", KUBERNETES).split()


def _compare(asked_for: Iterable[str], there: Iterable[str]) -> None:
    wanted = {name for name in asked_for if not name.startswith(f"{REGISTRY}/pause:")}  # kind chooses its own
    if lacking := wanted - set(there):
        raise BuildFailed(f"kubeadm asks for {', '.join(sorted(lacking))}: versions.py must name the same")
