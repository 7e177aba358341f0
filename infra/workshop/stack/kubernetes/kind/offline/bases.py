"""A stand-in for a public base image: Debian with its Python, for a Dockerfile whose base is a build argument."""

from __future__ import annotations

from pathlib import Path

from workshop.stack.kubernetes.kind.offline import node, trees
from workshop.stack.kubernetes.kind.offline.steps import Site
from workshop.stack.kubernetes.kind.offline.system import PATH
from workshop.stack.toolchain.versions import PYTHON

CONFIG = {"Env": [PATH, "PYTHONUNBUFFERED=1"], "Cmd": ["python3"]}


def python_name(key: str) -> str:
    """The Python image's name."""
    return f"workshop/python:{PYTHON}-{key}"


def python(site: Site, made: Path) -> None:
    """Python with pip and venv, as an archive for `docker load`."""
    tree = trees.with_packages(site, "python3", "python3-pip", "python3-venv", "ca-certificates")
    trees.remove(tree, ("usr/sbin/policy-rc.d", f"usr/lib/python{PYTHON}/EXTERNALLY-MANAGED"))
    (tree / "usr/bin/python").symlink_to("python3")
    node.pack_image(site, tree, f"docker.io/{python_name(site.key)}", CONFIG, made / "python.tar.zst")
