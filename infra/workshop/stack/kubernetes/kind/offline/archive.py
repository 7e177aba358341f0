"""Images from trees of files, without a container engine: an OCI layout in a tar, which `docker load` and containerd read.

The same trees give the same digests. No file of these trees carries extended attributes, so none are kept.
"""

from __future__ import annotations

import json
import os
import platform
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workshop.base.download import sha256
from workshop.base.errors import WorkshopError

CREATED = "2026-01-01T00:00:00Z"  # always the same, as nobody asks
OCI = "application/vnd.oci.image"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Image:
    """An image: its full name with a tag, the trees that lie over one another, and what runs in it (OCI's `config`)."""

    name: str
    layers: tuple[Path, ...]
    config: Mapping[str, object] = field(default_factory=dict)


def architecture() -> str:
    """This machine's architecture, as images name it.

    Raises:
        WorkshopError: it is neither amd64 nor arm64.
    """
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise WorkshopError(f"A node image is built on amd64 or arm64; this machine is {machine}.")
    return ARCHITECTURES[machine]


def write(path: Path, images: Sequence[Image], compress: Callable[[Path, Path], None] | None = None) -> None:
    """Write an archive of images; a tree that several of them have is stored once.

    Args:
        compress: packs a layer by zstd, from one path to another; without it, any engine reads the archive.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".layout.") as root:
        layout = _Layout(Path(root), compress)
        manifests, for_docker = [], []
        for image in images:
            config, layers, manifest = layout.add(image)
            manifests.append(manifest)
            files = [_blob(layer["digest"]) for layer in layers]
            for_docker.append({"Config": _blob(config["digest"]), "RepoTags": [image.name], "Layers": files})
        _dump(Path(root) / "index.json", {"schemaVersion": 2, "manifests": manifests})
        _dump(Path(root) / "manifest.json", for_docker)
        _dump(Path(root) / "oci-layout", {"imageLayoutVersion": "1.0.0"})
        tar(Path(root), path, only=("oci-layout", "index.json", "manifest.json", "blobs"), time=0)


def tar(tree: Path, path: Path, only: Sequence[str] = (".",), time: int | None = None) -> None:
    """Pack a tree so that the same tree gives the same bytes: sorted, without names of owners, in whole seconds."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uname = entry.gname = ""
        entry.mtime = int(entry.mtime) if time is None else time
        return entry

    # mypy's description of `tarfile.open` does not know copybufsize.
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT, copybufsize=1 << 20) as archive:  # type: ignore[call-overload]
        for name in only:
            archive.add(tree / name, arcname=name, filter=plain)


class _Layout:
    """An OCI layout that grows image by image."""

    def __init__(self, root: Path, compress: Callable[[Path, Path], None] | None) -> None:
        self.root, self.compress = root, compress
        self.blobs = root / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)
        self._layers: dict[Path, tuple[dict, str]] = {}

    def add(self, image: Image) -> tuple[dict, list[dict], dict]:
        """Store an image; returns the descriptors of its config, its layers and its manifest."""
        layers = [self._layer(tree) for tree in image.layers]
        where = {"architecture": architecture(), "os": "linux"}
        config = {
            **where,
            "created": CREATED,
            "config": image.config,
            "rootfs": {"type": "layers", "diff_ids": [content for _, content in layers]},
            "history": [{"created": CREATED, "created_by": "workshop kind build-image"} for _ in layers],
        }
        stored = self._document(config, f"{OCI}.config.v1+json")
        described = [layer for layer, _ in layers]
        media = f"{OCI}.manifest.v1+json"
        manifest = {
            "schemaVersion": 2,
            "mediaType": media,
            "config": stored,
            "layers": described,
        }
        tag = image.name.rpartition(":")[2]
        names = {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": tag}
        entry = self._document(manifest, media)
        return stored, described, {**entry, "platform": where, "annotations": names}

    def _layer(self, tree: Path) -> tuple[dict, str]:
        """The descriptor of a tree's layer, and the digest of its content as it is unpacked."""
        if tree not in self._layers:
            file, media = self.root / "layer.tar", f"{OCI}.layer.v1.tar"
            tar(tree, file)
            content = f"sha256:{sha256(file)}"
            if self.compress:
                packed = self.root / "layer.tar.zst"
                self.compress(file, packed)
                file, media = packed, f"{media}+zstd"
            self._layers[tree] = self._store(file, media), content
        return self._layers[tree]

    def _document(self, value: object, media: str) -> dict:
        file = self.root / "document"
        _dump(file, value)
        return self._store(file, media)

    def _store(self, file: Path, media: str) -> dict:
        digest, size = sha256(file), file.stat().st_size
        os.replace(file, self.blobs / digest)
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": size}


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _dump(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, sort_keys=True))
