"""Unpacking of tar archives."""

from __future__ import annotations

import tarfile
from pathlib import Path


def unpack_tar(archive: Path, folder: Path) -> None:
    """Unpack a tar archive, whose hash was verified before, into a folder.

    Python itself restricts members to the folder from 3.11.4 on; older versions do not know the filter.

    Raises:
        OSError: a file cannot be written.
        tarfile.TarError: the archive is damaged, or a file would be outside of the folder.
    """
    with tarfile.open(archive) as content:
        if hasattr(tarfile, "data_filter"):
            content.extractall(folder, filter="data")
            return
        for member in content.getmembers():
            if not (folder / member.name).resolve().is_relative_to(folder.resolve()):
                raise tarfile.ExtractError(f"{member.name} is outside of {folder}")
        content.extractall(folder)  # noqa: S202  # the names were compared, and the hash was verified
