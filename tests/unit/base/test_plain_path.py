"""A path that can stand in any command, whatever the folder is called."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from workshop.base.plain_path import plain
from workshop.base.settings import Ports, Settings
from workshop.stack.backends import local_kubernetes

ODD = ("a folder with a space", "it's", 'say "no"', "$HOME", "a;b", "café (1)", "back\\slash", "*")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for links whose own path is plain, wherever the suite keeps its files."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="plain-") as folder:
        yield Path(folder) / "paths"


@pytest.mark.parametrize("name", ODD)
def test_whatever_a_folder_is_called_its_files_are_reached_from_a_shell(name: str, tmp_path: Path, place: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "key").write_text("held")
    found = plain(folder, [place])
    for script in (f"cat {found}/key", f'cat "{found}/key"', f"cat '{found}/key'", f'echo "$(cat {found}/key)"'):
        assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "held"
    assert plain(folder, [place]) == found


def test_a_plain_path_stays(place: Path) -> None:
    assert plain(place, []) == place


def test_without_a_plain_place_the_folder_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    assert plain(folder, [tmp_path / "c d"]) == folder


def test_a_place_that_others_can_write_is_not_taken(tmp_path: Path, place: Path) -> None:
    place.mkdir()
    place.chmod(0o777)
    folder = tmp_path / "a b"
    assert plain(folder, [place]) == folder
    assert not list(place.iterdir())


def test_a_link_follows_its_folder_and_goes_with_it(tmp_path: Path, place: Path) -> None:
    first, second = tmp_path / "a b", tmp_path / "c d"
    first.mkdir()
    link = plain(first, [place])
    first.rmdir()
    second.mkdir()
    assert plain(second, [place]).exists()
    assert not link.is_symlink()


def test_pods_of_a_stack_whose_folders_have_spaces_get_plain_paths(
    settings: Settings, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_kubernetes, "PRIVATE", place)
    kubernetes = local_kubernetes.LocalKubernetes(replace(settings, cache=tmp_path / "a cache"), Ports(20_000))
    kubernetes.folder.mkdir(parents=True)
    told = Path(kubernetes._agent_settings()["folder"])
    assert told.parent == place
    assert told.resolve() == kubernetes.folder.resolve()
