"""The words `prefetch` and `bundle`: which versions of Python, and what is printed."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.cli import bundle
from workshop.stack.bundle import carried, making, wheels
from workshop.stack.bundle.prefetching import Piece


def options(**more: object) -> argparse.Namespace:
    return argparse.Namespace(**{"pythons": None, "check": False, **more})


def test_our_own_python_is_always_among_them_and_each_stands_there_once_in_order():
    own = wheels.own_python()
    assert bundle._pythons(options()) == [own]
    found = bundle._pythons(options(pythons=[*reversed(wheels.PYTHONS), own]))
    assert found == list(wheels.PYTHONS)


def test_a_python_that_is_not_supported_is_refused(capsys: pytest.CaptureFixture[str]):
    parser = argparse.ArgumentParser()
    bundle.add_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--python", "2.7"])
    assert "invalid choice" in capsys.readouterr().err


def test_what_was_brought_is_told_from_what_was_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "jar"
    file.write_bytes(b"x" * 2_000_000)
    pieces = [Piece("jars", (file,), brought=True), Piece("image", (), 5_000_000), Piece("none", ())]
    monkeypatch.setattr(bundle, "choose", lambda settings: (SimpleNamespace(name="local"), "a test"))
    monkeypatch.setattr(bundle.prefetching, "bring", lambda *about: pieces)
    bundle.prefetch(settings, options())
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["jars", "1", "2.0", "added", "now"] in lines
    assert ["image", "5.0", "present"] in lines
    assert ["none", "0.0", "missing"] in lines
    assert ["in", "all", "1", "7.0"] in lines


def test_a_bundle_that_is_damaged_is_an_error_of_the_command(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    def refuse(folder: str, timeline: object) -> None:
        raise carried.Refused("A file differs.", "Copy it again.")

    monkeypatch.setattr(making, "verify", refuse)
    with pytest.raises(WorkshopError, match=r"A file differs\. Copy it again\."):
        bundle.bundle(settings, options(folder="/media/stick", check=True))


def test_the_lines_to_start_from_a_bundle_are_quoted_for_a_shell(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    made = SimpleNamespace(files=3, size=4_000_000, written=1_000_000, sha256="ab" * 32)
    monkeypatch.setattr(making, "make", lambda *about: made)
    bundle.bundle(settings, options(folder="/media/my stick"))
    printed = capsys.readouterr().out
    assert "sh '/media/my stick/start.sh'" in printed
    assert f"--bundle '/media/my stick#sha256={made.sha256}'" in printed
