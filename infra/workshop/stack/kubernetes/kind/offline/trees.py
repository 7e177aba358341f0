"""Debian as trees of files: a small one from debootstrap, and others from it with packages added.

What is mounted is mounted in a namespace that ends with the program: an interrupted step leaves no mount behind.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from workshop.stack.kubernetes.kind.offline.steps import Site
from workshop.stack.toolchain.shell import BuildFailed, Shell
from workshop.stack.toolchain.versions import DEBIAN

APT = Path("/etc/apt")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PUBLIC = ("http://deb.debian.org/debian", "http://deb.debian.org/debian-security")
ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
NOT_NEEDED = (
    "var/lib/apt/lists/*",
    "var/cache/apt/*.bin",
    "var/log/*.log",
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "usr/share/info/*",
    "etc/resolv.conf",  # an engine or a kubelet puts its own in place
    "etc/hostname",
    "run/apt.conf",
    "run/certificates.crt",
)
STARTS_NOTHING = "#!/bin/sh\nexit 101\n"  # what a package asks before it starts its services


def bootstrap(site: Site, made: Path) -> None:
    """The smallest Debian, packed."""
    tree = site.scratch / "tree"
    main, security = mirrors()
    site.shell.run(*ALONE, "--mount-proc", "debootstrap", "--variant=minbase", DEBIAN, tree, main)
    lines = [f"deb {main} {suite} main" for suite in (DEBIAN, f"{DEBIAN}-updates")]
    lines.append(f"deb {security} {DEBIAN}-security main")
    (tree / "etc/apt/sources.list").write_text("\n".join(lines) + "\n")
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text(STARTS_NOTHING)
    policy.chmod(0o755)
    site.shell.run("chroot", tree, "apt-get", "clean")
    remove(tree, NOT_NEEDED)
    pack(site.shell, tree, made / "debian.tar.zst")


def node(site: Site, made: Path) -> None:
    """What a node needs of Debian, packed: an init, the tools that Kubernetes calls, a runtime for containers."""
    tree = with_packages(
        site,
        *("systemd", "systemd-sysv", "runc", "kmod", "mount", "util-linux", "e2fsprogs", "libseccomp2"),
        *("iproute2", "iptables", "nftables", "conntrack", "ethtool", "socat", "ca-certificates", "curl"),
        *("bash", "jq", "procps", "busybox-static"),
    )
    pack(site.shell, tree, made / "tree.tar.zst")


def with_packages(site: Site, *packages: str) -> Path:
    """The smallest Debian with packages added, as a tree in the site's own folder."""
    tree = site.scratch / "tree"
    unpack(site.shell, site.made("debian", "debian.tar.zst"), tree)
    shutil.copyfile("/etc/resolv.conf", tree / "etc/resolv.conf")
    (tree / "run/apt.conf").write_text(_apt_settings(site.shell, tree))
    inside = (*ALONE, f"--mount-proc={tree / 'proc'}", "chroot", tree, "env")
    quietly = ("APT_CONFIG=/run/apt.conf", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
    for words in (("update",), ("install", "-y", "--no-install-recommends", *packages), ("clean",)):
        site.shell.run(*inside, *quietly, "apt-get", *words)
    remove(tree, NOT_NEEDED)
    return tree


def mirrors(apt: Path = APT) -> tuple[str, str]:
    """Where this machine gets Debian's packages and their security updates from; the public archive if it does not say."""
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
    files += sorted((apt / "sources.list.d").glob("*.sources"))
    text = "\n".join(file.read_text(errors="replace") for file in files if file.is_file())
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = [re.search(rf"\bhttps?://[^\s\]]*/{name}(?=/?(\s|$))", lines) for name in ("debian", "debian-security")]
    if not found[0]:
        return PUBLIC
    main = found[0].group()
    return main, found[1].group() if found[1] else f"{main}-security"


def pack(shell: Shell, tree: Path, archive: Path) -> None:
    """Pack a tree, with the numbers of its owners."""
    plain = archive.with_suffix("")
    shell.run("tar", "--numeric-owner", "-C", tree, "-cf", plain, ".")
    compress(shell, plain, archive)


def compress(shell: Shell, plain: Path, packed: Path) -> None:
    """Replace a file by its packed form."""
    shell.run("zstd", "-q", "-T0", "-6", "-f", "--rm", plain, "-o", packed)


def unpack(shell: Shell, archive: Path, tree: Path) -> None:
    """Unpack a tree into a new folder."""
    tree.mkdir(parents=True)
    shell.run("tar", "--numeric-owner", "-C", tree, "-I", "zstd", "-xpf", archive)


def remove(tree: Path, patterns: Iterable[str]) -> None:
    """Delete what lies in a tree under these patterns; a link is deleted, never followed."""
    for path in [path for pattern in patterns for path in tree.glob(pattern)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _apt_settings(shell: Shell, tree: Path) -> str:
    """This machine's own way of fetching (a proxy, a mirror that is a snapshot), for the apt within a tree."""
    try:
        settings = shell.read("apt-config", "dump", "Acquire")
    except BuildFailed:  # another system than Debian
        settings = ""
    if mirrors()[0].startswith("https:") and os.path.exists(CERTIFICATES):
        shutil.copyfile(CERTIFICATES, tree / "run/certificates.crt")
        settings += 'Acquire::https::CAInfo "/run/certificates.crt";\n'
    return settings
