"""Where stacks lie: side by side, an old one where it was; which one is meant; what goes when one is deleted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from workshop.base import endpoints, environment, learner_progress, stack_folders
from workshop.base.processes import Component, Processes
from workshop.base.settings import Settings
from workshop.stack.backends import choice as backends


def make(common: Path, backend: str, *, openly: bool = False) -> Path:
    """What tells of a stack; `openly` as it lay before each backend had a folder."""
    folder = common if openly else common / backend
    file = folder / stack_folders.MADE_BY[backend]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")
    (folder / "logs").mkdir(exist_ok=True)
    return folder


def load(common: Path) -> Settings:
    return Settings.load({"HOME": str(common), "WORKSHOP_STATE": str(common)})


def test_each_backend_has_a_folder_and_the_last_used_one_is_meant(tmp_path: Path):
    assert load(tmp_path).state == tmp_path / "local", "where nothing is yet"
    make(tmp_path, "local")
    make(tmp_path, "kind")
    assert stack_folders.made(tmp_path) == ["kind", "local"]
    stack_folders.use(tmp_path, "local")
    assert load(tmp_path).state == tmp_path / "local"
    stack_folders.use(tmp_path, "kind")
    assert load(tmp_path).state == tmp_path / "kind"
    assert load(tmp_path).of("local").state == tmp_path / "local"
    assert {load(tmp_path).of(one).common for one in stack_folders.BACKENDS} == {tmp_path}


@pytest.mark.parametrize("text", ["", "nonsense\n", "../elsewhere\n"])
def test_a_damaged_note_is_passed_by(tmp_path: Path, text: str):
    make(tmp_path, "kind")
    (tmp_path / stack_folders.LAST).write_text(text)
    assert load(tmp_path).state == tmp_path / "kind"


@pytest.mark.parametrize("backend", stack_folders.BACKENDS)
def test_a_stack_of_the_old_layout_stays_where_it_is(tmp_path: Path, backend: str):
    make(tmp_path, backend, openly=True)
    settings = load(tmp_path)
    assert settings.state == settings.common == tmp_path
    assert backends.made_here(settings).name == backend
    assert backends.by_name(settings, backend).settings.state == tmp_path
    other = "local" if backend == "kind" else "kind"
    assert settings.of(other).state == tmp_path / other
    make(tmp_path, other)
    stack_folders.use(tmp_path, other)
    assert load(tmp_path).state == tmp_path / other
    stack_folders.use(tmp_path, backend)
    assert load(tmp_path).state == tmp_path


@pytest.mark.parametrize("openly", [False, True])
@pytest.mark.parametrize(("first", "second"), [("local", "kind"), ("kind", "local"), ("existing", "local")])
def test_deleting_one_keeps_the_other_and_what_they_share(tmp_path: Path, first: str, second: str, openly: bool):
    here = make(tmp_path, first, openly=openly)
    beside = make(tmp_path, second)
    for name in ("progress.json", "home/jupyter/settings", "backups/00.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    stack_folders.use(tmp_path, first)

    stack_folders.delete(tmp_path, first)
    assert not (here / stack_folders.MADE_BY[first]).exists()
    assert (beside / stack_folders.MADE_BY[second]).exists()
    assert (tmp_path / "progress.json").exists()
    assert (tmp_path / "home/jupyter/settings").exists()
    assert load(tmp_path).state == tmp_path / second

    stack_folders.delete(tmp_path, second)
    assert [path.name for path in tmp_path.iterdir()] == ["backups"]
    assert (tmp_path / "backups/00.ipynb").read_text() == "mine"


def test_deleting_leaves_what_is_not_the_workshops(tmp_path: Path):
    make(tmp_path, "local")
    (tmp_path / "another-stacks-folder").mkdir()
    stack_folders.delete(tmp_path, "local")
    assert (tmp_path / "another-stacks-folder").exists()


def test_progress_is_the_same_for_all_and_children_find_the_stack(tmp_path: Path):
    make(tmp_path, "local")
    make(tmp_path, "kind")
    stack_folders.use(tmp_path, "kind")
    settings = load(tmp_path)
    learner_progress.record(settings, "00.1")
    assert list(learner_progress.read(settings.of("local"))) == ["00.1"]
    told = environment.tool_environment(settings)
    assert Settings.load(told).state == settings.state
    assert (
        told["JUPYTERLAB_SETTINGS_DIR"] == environment.tool_environment(settings.of("local"))["JUPYTERLAB_SETTINGS_DIR"]
    )


def test_a_state_folder_that_was_replaced_has_nothing_in_common_with_the_checkouts(tmp_path: Path):
    settings = replace(Settings.load({"HOME": "/home/x"}), state=tmp_path)
    assert settings.common == tmp_path
    assert settings.of("kind").state == tmp_path / "kind"


def test_words_of_the_command_take_the_last_stack_or_the_one_that_is_named(settings: Settings):
    """`down` ends what runs of one stack, with data of another one beside it; `reset` says whose data it deleted."""
    local, kind = settings.of("local"), settings.of("kind")
    make(settings.common, "local")
    make(settings.common, "kind")
    processes = Processes(local.state)
    processes.start(Component("sleeper", ("sleep", "600"), env=dict(os.environ)))
    stack_folders.use(settings.common, "kind")
    assert backends.by_name(settings, "local").runs()

    def command(*words: str) -> subprocess.CompletedProcess:
        env = {**os.environ, "WORKSHOP_STATE": str(settings.common), "DOCKER_HOST": "unix:///nowhere/docker.sock"}
        program = [sys.executable, "-m", "workshop.cli.main", *words]
        return subprocess.run(program, env=env, capture_output=True, text=True, timeout=240, check=False)

    refused = command("up", "--backend", "kind", "--no-lab")
    assert refused.returncode == 1
    assert "A stack of the backend local runs here" in refused.stderr
    assert "workshop down --backend local" in refused.stderr
    assert "Nothing was running" in command("down").stdout
    assert "Stopped sleeper" in command("down", "--backend", "local").stdout
    assert not processes.running()
    state = json.loads(command("status", "--json", "--backend", "local").stdout)
    assert state["beside"] == ["kind"]
    done = command("reset", "--backend", "local")
    assert "The stack of the backend local is stopped" in done.stdout
    assert "workshop up --backend kind" in done.stdout
    assert stack_folders.made(kind.common) == ["kind"]
    assert endpoints.read(settings) == {}
