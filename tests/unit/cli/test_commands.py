"""The words of the command: what they print, and their exit codes. Nothing is started."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from workshop.base.diagnostic import Finding
from workshop.base.errors import WorkshopError
from workshop.base.interruptions import Interrupted
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.cli import commands

STATE = {
    "components": {
        "kafka-1": {"state": "running", "pid": 7, "memory_mb": 300, "since": 0},
        "lab": {"state": "stopped"},
    },
    "kafka": {"registered": [1, 2, 3], "bootstrap_servers": ["127.0.0.1:1"]},
    "beside": ["kind"],
    "kubernetes": "",
    "progress": {"00.1": "2026"},
    "ready": True,
}


def status(settings: Settings, monkeypatch: pytest.MonkeyPatch, as_json: bool = False, **change: object) -> int:
    monkeypatch.setattr(commands.lifecycle, "status", lambda settings: {**STATE, **change})
    return commands.status(settings, argparse.Namespace(json=as_json))


@pytest.mark.parametrize(("ready", "code"), [(True, 0), (False, 3)])
def test_the_exit_code_of_status_says_whether_all_is_ready(
    settings: Settings, ready: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert status(settings, monkeypatch, as_json=True, ready=ready) == code
    assert json.loads(capsys.readouterr().out)["ready"] == ready


def test_status_shows_components_brokers_other_stacks_and_exercises(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    status(settings, monkeypatch)
    printed = capsys.readouterr().out
    for text in ("kafka-1", "300 MB", "brokers [1, 2, 3] are registered", "backend kind", "✓00.1"):
        assert text in printed


def test_status_says_how_to_start_where_no_broker_answers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    status(settings, monkeypatch, kafka={"registered": []}, progress={})
    printed = capsys.readouterr().out
    assert "no broker answers; `workshop up` starts the stack" in printed
    assert "none passed yet" in printed


@pytest.mark.parametrize(
    ("names", "said"), [(["lab", "kafka-1"], "Stopped lab, kafka-1."), ([], "Nothing was running.")]
)
def test_down_says_what_was_stopped(
    settings: Settings, names: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(commands.lifecycle, "down", lambda settings, waiting: names)
    commands.down(settings, argparse.Namespace())
    assert capsys.readouterr().out.startswith(said)


@pytest.fixture
def logs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """`workshop logs` in a stack with the logs of two components and of errors."""
    processes = Processes(settings.state)
    for name in ("kafka-1", "lab", commands.incidents.NAME):
        processes.log(name).parent.mkdir(parents=True, exist_ok=True)
        processes.log(name).write_text(f"first of {name}\nlast of {name}\n")
    backend = SimpleNamespace(components=dict, has_kubernetes=False)
    monkeypatch.setattr(commands, "made_here", lambda settings: backend)

    def run(name: str | None = None, lines: int = 20) -> object:
        return commands.logs(settings, argparse.Namespace(name=name, lines=lines, follow=False))

    return run


def test_one_log_is_printed_without_a_title(logs: Callable, capsys: pytest.CaptureFixture[str]):
    assert logs("lab", 1) is None
    assert capsys.readouterr().out == "last of lab\n"


def test_all_logs_are_printed_but_that_of_errors(logs: Callable, capsys: pytest.CaptureFixture[str]):
    logs()
    printed = capsys.readouterr().out
    assert "last of kafka-1" in printed
    assert "last of lab" in printed
    assert f"last of {commands.incidents.NAME}" not in printed


def test_a_log_that_is_not_there_is_told_with_those_that_are(logs: Callable):
    with pytest.raises(WorkshopError, match=r"There is no log of 'kafka-9'\. There are logs of: .*kafka-1, lab\."):
        logs("kafka-9")


def test_ctrl_c_ends_what_follows_a_log_and_other_signals_end_the_command(capsys: pytest.CaptureFixture[str]):
    with commands._until_ctrl_c():
        raise KeyboardInterrupt
    with pytest.raises(Interrupted), commands._until_ctrl_c():
        raise Interrupted(15)


@pytest.mark.parametrize(("good", "code"), [(True, 0), (False, 1)])
def test_the_doctor_prints_what_to_change(
    settings: Settings, good: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(commands, "examine", lambda settings: [Finding(good, "memory", "2 GB", "Close something.")])
    assert commands.doctor(settings, argparse.Namespace()) == code
    assert ("→ Close something." in capsys.readouterr().out) != good


def test_lab_and_shell_need_a_stack(settings: Settings):
    with pytest.raises(WorkshopError, match="No stack was started here yet"):
        commands.lab(settings, argparse.Namespace())
    with pytest.raises(WorkshopError, match="Kafka's tools are not there"):
        commands.shell(settings, argparse.Namespace(command=None))


def test_reset_of_a_lesson_says_what_to_do_in_an_open_tab(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from workshop.notebook import handout

    monkeypatch.setattr(handout, "restore", lambda settings, lesson: (f"{lesson}.ipynb", "backup.ipynb"))
    commands.reset(settings, argparse.Namespace(lesson="03"))
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("03.ipynb is restored. Your version was saved as backup.ipynb.")
    assert "marks of passed exercises are deleted" in said
    assert "File > Reload Notebook from Disk" in said


def test_stale_notebooks_are_an_error_of_a_check(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from workshop.notebook import handout

    monkeypatch.setattr(handout, "out_of_date", lambda settings: ["03.ipynb"])
    assert commands.notebooks(settings, argparse.Namespace(check=True)) == 1
    assert capsys.readouterr().out == "03.ipynb is out of date with its solution\n"
