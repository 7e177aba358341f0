"""Cache keys of build results: short hashes of all inputs of a build."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

LENGTH = 12
NOT_SOURCES = ("__pycache__",)


def key(*parts: object) -> str:
    """Return a short hash of plain values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:LENGTH]


def digest(paths: Iterable[Path], root: Path) -> str:
    """Return a short hash of files and folders: of the names relative to `root` and of the contents."""
    files = sorted(file for path in paths for file in ([path] if path.is_file() else _within(path)))
    return key(*((file.relative_to(root).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files))


def _within(folder: Path) -> list[Path]:
    found = [file for file in folder.rglob("*") if file.is_file() and not set(NOT_SOURCES) & set(file.parts)]
    if not found:
        raise FileNotFoundError(f"no source in {folder}")
    return found
