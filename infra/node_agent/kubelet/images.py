"""Programs of images: the table `infra/images.toml`, read again at every start of a container."""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = "infra/images.toml"
# A name in the format of the OCI distribution reference: an optional registry, path components, then a tag or a digest.
NAME = re.compile(
    r"([a-zA-Z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)


class NoSuchImage(Exception):
    """No program is configured for an image; `reason` is Kubernetes' reason, such as ErrImagePull."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Image:
    """A program: its working directory, its default command, and its variables."""

    name: str
    folder: Path
    entry: tuple[str, ...]
    env: dict[str, str]


def find(root: Path, name: str, policy: str = "IfNotPresent") -> Image:
    """Return the program of an image.

    Args:
        root: the checkout; folders in the table are relative to it.
        policy: the container's imagePullPolicy.

    Raises:
        NoSuchImage: no program is configured, or the table cannot be read.
    """
    if not NAME.fullmatch(name):
        raise NoSuchImage("InvalidImageName", f'couldn\'t parse image name "{name}": invalid reference format')
    try:
        table = tomllib.loads((root / TABLE).read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise NoSuchImage("ErrImagePull", f"{TABLE} cannot be read: {error}") from None
    entry = table.get(name) or table.get(f"{name}:latest")
    if entry is None:
        reason = "ErrImageNeverPull" if policy == "Never" else "ErrImagePull"
        raise NoSuchImage(
            reason,
            f'no program is configured for the image "{name}": nodes without Docker run the programs in {TABLE} '
            f"({', '.join(table)}); add a line there, or use the backend kind",
        )
    return _read(root, name, entry)


def _read(root: Path, name: str, entry: dict) -> Image:
    folder = root / Path(str(entry.get("folder", "."))).expanduser()
    if not folder.is_dir():
        raise NoSuchImage("ErrImagePull", f'{TABLE} gives the image "{name}" the folder {folder}, which is not there')
    program = entry.get("entry", [])
    if not isinstance(program, list) or not all(isinstance(word, str) for word in program):
        raise NoSuchImage("ErrImagePull", f'{TABLE} gives the image "{name}" an entry that is no list of words')
    own = {
        "PATH": f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(folder),
        "PYTHONUNBUFFERED": "1",
        "LC_ALL": "C.UTF-8",
    }
    return Image(name, folder, tuple(program), own | {key: str(value) for key, value in entry.get("env", {}).items()})
