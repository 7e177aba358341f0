"""The environment of lesson 11: when it counts as complete, what its lock has, and what is said when it is not there."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.streams import environment

ROOT = Path(__file__).resolve().parents[4]
# Quix Streams 3.28 refuses the newer versions that the other lessons have.
OLDER = {"confluent-kafka", "pydantic", "pydantic-core"}


def locked(path: Path) -> dict[str, str]:
    """Return package to version of a lock file."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", path.read_text(), re.MULTILINE))


@pytest.fixture
def checkout(tmp_path: Path) -> Settings:
    """Settings of a checkout with only the files on which the environment depends."""
    for source in environment.SOURCES:
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, tmp_path / source)
    return replace(Settings.load({"HOME": str(tmp_path)}), root=tmp_path)


def made(settings: Settings) -> None:
    """Make an environment that looks complete."""
    environment.python(settings).parent.mkdir(parents=True)
    environment.python(settings).symlink_to(sys.executable)
    (settings.streams_folder / environment.MARK).write_text(environment._fingerprint(settings))


def test_the_two_locks_differ_only_where_quix_streams_refuses_the_newest_version():
    ordinary, streams = locked(ROOT / "requirements.txt"), locked(ROOT / environment.LOCK)
    assert {name for name in set(ordinary) & set(streams) if ordinary[name] != streams[name]} == OLDER
    assert len(set(ordinary) & set(streams)) > 80


def test_each_package_of_the_lock_has_a_hash():
    text = (ROOT / environment.LOCK).read_text()
    blocks = re.split(r"^(?=[a-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) >= len(locked(ROOT / environment.LOCK)) > 80
    assert all("--hash=sha256:" in block for block in blocks)


def test_an_environment_without_a_mark_is_incomplete(checkout: Settings):
    assert not environment.is_current(checkout)
    assert environment.problem(checkout) == ""  # it was never installed
    made(checkout)
    assert environment.is_current(checkout)
    (checkout.streams_folder / environment.MARK).unlink()
    assert not environment.is_current(checkout)
    assert environment.problem(checkout).endswith("is incomplete or out of date.")


def test_another_lock_makes_it_out_of_date(checkout: Settings):
    made(checkout)
    with (checkout.root / environment.LOCK).open("a") as lock:
        lock.write("# changed\n")
    assert not environment.is_current(checkout)


def test_damaged_packages_are_a_problem_with_a_next_step(checkout: Settings):
    made(checkout)  # the Python of the tests, which has no quixstreams
    with pytest.raises(WorkshopError, match="are damaged") as raised:
        environment._check(checkout)
    assert "workshop up --with streams" in raised.value.next_step
    assert environment.problem(checkout).endswith("are damaged.")


def test_a_process_is_in_the_environment_by_its_prefix(checkout: Settings, monkeypatch: pytest.MonkeyPatch):
    assert not environment.is_here(checkout)
    monkeypatch.setattr(sys, "prefix", str(checkout.streams_folder))
    assert environment.is_here(checkout)
    assert checkout.python_bin == checkout.root / ".venv" / "bin"  # `!workshop` in a cell of lesson 11
