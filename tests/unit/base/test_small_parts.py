"""Waiting, files, ports, the time line, errors: each in a few lines."""

from __future__ import annotations

import io
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from workshop.base.errors import WorkshopError
from workshop.base.files import locked, write_atomically
from workshop.base.ports import free_block, is_free
from workshop.base.settings import BLOCK, Ports, Settings
from workshop.base.timeline import Step, Timeline, _bar
from workshop.base.waiting import wait_until


def test_an_error_is_shown_in_a_notebook_without_a_traceback():
    error = WorkshopError("It happened.", "Do this.", "tail of a log")
    assert error._render_traceback_() == ["It happened.", "tail of a log", "→ Do this."]
    assert str(error) == "It happened. Do this."


def test_waiting_returns_what_the_probe_found():
    answers = iter([None, "", 0, "found"])
    assert wait_until(lambda: next(answers), 5, "it", every=0) == "found"


def test_waiting_ends_with_what_was_waited_for():
    with pytest.raises(WorkshopError, match=r"waiting for the moon\. Look up"):
        wait_until(lambda: False, 0.01, "the moon", next_step="Look up.", detail=lambda: "clouds", every=0.001)


def test_what_a_probe_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 / 0, 5, "it")


def test_without_a_terminal_a_long_step_tells_once_what_it_waits_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workshop.base.timeline.QUIET", 0.0)
    out = io.StringIO()
    with Timeline(Console(file=out, width=40)).step("nodes ready") as step:
        for text in ("waiting for worker-2 to be ready (2 of 4 nodes)", "waiting for [worker-3]"):
            step.tell(text)
            step.tell(text)
    lines = out.getvalue().splitlines()
    assert lines[:2] == ["… waiting for worker-2 to be ready (2 of 4 nodes)", "… waiting for [worker-3]"]
    assert len(lines) == 3


def test_a_short_step_tells_nothing_but_that_it_is_done():
    out = io.StringIO()
    with Timeline(Console(file=out, width=40)).step("nodes ready") as step:
        step.tell("waiting for worker-2")
    assert out.getvalue().startswith("✓ nodes ready")


def test_a_terminal_shows_what_is_waited_for_beside_the_step(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    out = io.StringIO()
    with Timeline(Console(file=out, width=100, force_terminal=True)).step("nodes ready") as step:
        step.tell("waiting for worker-2")
    assert "nodes ready: waiting for worker-2" in out.getvalue()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path):
    file = tmp_path / "folder" / "file"
    write_atomically(file, "one", mode=0o600)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("one", 0o600)
    with pytest.raises(TypeError):
        write_atomically(file, None)
    assert file.read_text() == "one"
    assert list(file.parent.iterdir()) == [file]


def test_a_lock_lets_one_in_and_tells_the_other(tmp_path: Path):
    refused: list[str] = []
    heard: list[str] = []

    def second() -> None:
        try:
            with locked(tmp_path / "lock", 0.05, "does it", heard.append):
                pass
        except WorkshopError as error:
            refused.append(error.happened)

    with locked(tmp_path / "lock", 1, "does it"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert refused == ["Another process does it and has not finished."]
    assert heard == ["Another process does it. This one waits for it …"]
    with locked(tmp_path / "lock", 1, "does it", heard.append):
        assert len(heard) == 1


def test_a_block_with_a_taken_port_is_stepped_over(settings: Settings):
    settings = replace(settings, first_port=free_block(settings).first)
    with socket.socket() as taken:
        # As servers do: connections of a stack that was stopped just now do not count.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", Ports(settings.first_port).broker(2)))
        taken.listen()
        assert not is_free(Ports(settings.first_port).broker(2))
        found = free_block(settings, preferred=settings.first_port)
    assert found.first > settings.first_port
    assert (found.first - settings.first_port) % BLOCK == 0


def test_no_free_block_is_told_with_the_setting(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workshop.base.ports.is_free", lambda port: False)
    with pytest.raises(WorkshopError, match="WORKSHOP_FIRST_PORT"):
        free_block(settings)


def test_bars_lie_on_one_time_axis_and_never_run_over():
    first, second = Step("a", 0, 5, True), Step("b", 5, 10, True)
    assert _bar(first, 10).rstrip() == "━" * 16
    assert _bar(second, 10) == " " * 16 + "━" * 16
    assert len(_bar(Step("c", 10, 10, True), 10)) == 32
    assert "━" in _bar(Step("c", 10, 10, True), 10)


def test_a_step_that_fails_is_on_the_time_line_and_the_error_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WORKSHOP_STARTED_AT", raising=False)
    out = io.StringIO()
    timeline = Timeline(Console(file=out, width=100))
    with timeline.step("works"):
        pass
    with pytest.raises(ZeroDivisionError), timeline.step("fails", total=10) as progress:
        progress(1 / 0)
    timeline.show()
    assert [(step.name, step.done) for step in timeline.steps] == [("works", True), ("fails", False)]
    assert "✓ works" in out.getvalue()
    assert "✓ fails" not in out.getvalue()
    assert "Where the seconds went" in out.getvalue()
