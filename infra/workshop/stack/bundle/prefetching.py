"""`workshop prefetch`: downloads and builds everything that `up` and the lessons need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.backends.protocols import Backend
from workshop.stack.brokers import jars, runtime
from workshop.stack.bundle import wheels
from workshop.stack.cdc import connect
from workshop.stack.registry import archive
from workshop.stack.registry import stack as registry
from workshop.stack.streams import environment
from workshop.stack.toolchain import java

RECORDED = "Kafka's first start, recorded"


@dataclass(frozen=True)
class Piece:
    """A part of the download: its name, its files that exist, and whether this call added any of them.

    Attributes:
        image: size in bytes of an image in the Docker engine, otherwise 0.
    """

    name: str
    files: tuple[Path, ...]
    image: int = 0
    brought: bool = False

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.image or sum(path.stat().st_size for path in self.files)


def bring(settings: Settings, backend: Backend, timeline: Timeline, pythons: Sequence[str]) -> list[Piece]:
    """Download and build what is missing, and start nothing.

    Existing files are kept, and partial downloads are resumed.

    Args:
        pythons: the Python versions for which wheels are downloaded.

    Raises:
        WorkshopError: a download or build failed; complete parts are kept.
    """
    before = {piece.name: piece for piece in pieces(settings, backend, pythons)}
    backend.provision(timeline)
    backend.provision_the_rest(timeline)
    connect.provision(settings, timeline)
    environment.provision(settings, timeline)
    registry.prepare(settings, timeline)
    for python in pythons:
        wheels.bring(settings, timeline, python)
    after = pieces(settings, backend, pythons)
    return [replace(piece, brought=piece != before.get(piece.name)) for piece in after]


def pieces(settings: Settings, backend: Backend, pythons: Sequence[str]) -> list[Piece]:
    """Return the existing files of each part."""
    found: dict[str, Callable[[], list[Path]]] = {
        "Kafka's jars": lambda: _present(settings, runtime.folder(settings) / "libs", jars.KAFKA),
        RECORDED: lambda: _recorded(settings),
        "Debezium's jars": lambda: _present(settings, connect.debezium_folder(settings), jars.DEBEZIUM),
        archive.TITLE: lambda: archive.present(settings),
    }
    for name, there in backend.provided().items():
        found[name] = partial(list, there)
    for python in pythons:
        found[f"Python's packages for {python}"] = partial(wheels.there, settings, python)
    return [
        *(Piece(name, tuple(files())) for name, files in found.items()),
        *(Piece(f"image {name.split('@')[0]}", (), size) for name, size in backend.images().items()),
    ]


def _present(settings: Settings, folder: Path, which: jars.Jars) -> list[Path]:
    return [path for jar in jars.pinned(settings, which) if (path := folder / jar.name).exists()]


def _recorded(settings: Settings) -> list[Path]:
    libs = _present(settings, runtime.folder(settings) / "libs", jars.KAFKA)
    if len(libs) < len(jars.pinned(settings)):
        return []
    prepared = runtime.prepare(settings, java.find(settings), tuple(libs))
    return [path for path in (prepared.checkpoint, prepared.aot_cache) if path and path.exists()]
