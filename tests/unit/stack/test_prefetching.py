"""What `workshop prefetch` brings: pieces by name, and which of them this call brought."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.base.settings import Settings
from workshop.stack.backends import kind, local
from workshop.stack.backends.choice import by_name
from workshop.stack.bundle import prefetching
from workshop.stack.bundle.prefetching import Piece


def test_the_size_of_a_piece_is_that_of_its_files_or_of_its_image(tmp_path: Path):
    for name, size in (("a", 3), ("b", 4)):
        (tmp_path / name).write_bytes(b"x" * size)
    assert Piece("jars", (tmp_path / "a", tmp_path / "b")).size == 7
    assert Piece("image", (), 9).size == 9


def test_a_piece_that_was_there_before_was_not_brought(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    looks = iter([[Piece("a", ()), Piece("b", (), 5)], [Piece("a", (), 7), Piece("b", (), 5), Piece("c", ())]])
    brought: list[str] = []
    monkeypatch.setattr(prefetching, "pieces", lambda *about: next(looks))
    monkeypatch.setattr(prefetching.connect, "provision", lambda *about: brought.append("connect"))
    monkeypatch.setattr(prefetching.environment, "provision", lambda *about: brought.append("streams"))
    monkeypatch.setattr(prefetching.registry, "prepare", lambda *about: brought.append("registry"))
    monkeypatch.setattr(prefetching.wheels, "bring", lambda settings, timeline, python: brought.append(python))
    backend = SimpleNamespace(
        provision=lambda timeline: brought.append("stack"), provision_the_rest=lambda timeline: brought.append("rest")
    )
    found = prefetching.bring(settings, backend, None, ["3.11", "3.12"])
    assert [(piece.name, piece.brought) for piece in found] == [("a", True), ("b", False), ("c", True)]
    assert sorted(brought[2:5]) == ["connect", "registry", "streams"]
    assert brought[:2] + brought[5:] == ["stack", "rest", "3.11", "3.12"]


@pytest.mark.parametrize(
    ("name", "own"), [("local", "Kubernetes' control plane"), ("kind", "kind"), ("existing", None)]
)
def test_each_backend_has_pieces_of_its_own(
    settings: Settings, name: str, own: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(local, "is_wanted", lambda settings: True)
    monkeypatch.setattr(local.build, "find", lambda settings: None)
    monkeypatch.setattr(kind.binary, "find", lambda settings: None)
    monkeypatch.setattr(kind.images, "sizes", lambda settings: {"kindest/node:v1@sha256:abc": 5})
    monkeypatch.setattr(prefetching, "_present", lambda *about: [])
    monkeypatch.setattr(prefetching, "_recorded", lambda settings: [])
    monkeypatch.setattr(prefetching.wheels, "there", lambda settings, python: [])
    names = [piece.name for piece in prefetching.pieces(settings, by_name(settings, name), ["3.12"])]
    common = ["Kafka's jars", prefetching.RECORDED, "Debezium's jars", prefetching.archive.TITLE]
    images = ["image kindest/node:v1"] if name == "kind" else []
    assert names == [*common, *([own] if own else []), "Python's packages for 3.12", *images]
