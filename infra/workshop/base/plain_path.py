"""Folder paths that need no quoting in commands: no spaces, quotes or other special characters."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def plain(folder: Path, places: Iterable[Path]) -> Path:
    """Return a path of `folder` that needs no quoting: the folder itself, or a symbolic link to it.

    Args:
        places: folders for the link, private to the user. The first writable one with a plain path is used; without
            one, the folder itself is returned.
    """
    if _is_plain(folder):
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    for place in filter(_is_plain, places):
        with suppress(OSError):
            return _linked(place, name, folder)
    return folder


def _is_plain(path: Path) -> bool:
    return shlex.quote(str(path)) == str(path)


def _linked(place: Path, name: str, folder: Path) -> Path:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = place.stat(follow_symlinks=False)
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{place} belongs to somebody else")  # that user could redirect the link
    _remove_dangling(place)
    link = place / name
    if not (link.is_symlink() and link.readlink() == folder):
        with tempfile.TemporaryDirectory(dir=place, prefix=f".{name}.") as scratch:
            fresh = Path(scratch) / name
            fresh.symlink_to(folder)
            fresh.replace(link)
    return link


def _remove_dangling(place: Path) -> None:
    for other in place.iterdir():
        if other.is_symlink() and not other.exists():
            other.unlink(missing_ok=True)
