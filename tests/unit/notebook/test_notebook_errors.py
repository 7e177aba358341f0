"""Sentences in place of tracebacks, in a real shell of IPython."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from workshop.base import incidents
from workshop.base.errors import WorkshopError
from workshop.notebook import notebook_errors


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell with the workshop's errors installed, and a history in memory."""
    made = InteractiveShell.instance()
    made.history_manager.enabled = False
    made.colors = "nocolor"
    monkeypatch.setattr(incidents, "install_background_hooks", lambda: None)
    notebook_errors.install()
    yield made
    made.history_manager.end_session()
    InteractiveShell.clear_instance()


def shown(shell: InteractiveShell, code: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    shell.run_cell(code)
    out, err = capsys.readouterr()
    return (out + err).splitlines()


def test_a_name_that_is_not_defined_is_a_sentence(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]):
    lines = shown(shell, "producer.send()", capsys)
    assert lines[0] == "Name 'producer' is not defined."
    assert "run that one first" in lines[1]
    assert not any("Traceback" in line for line in lines)


def test_a_cell_that_was_stopped_is_a_sentence(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]):
    assert shown(shell, "raise KeyboardInterrupt", capsys) == notebook_errors.STOPPED


def test_a_foreseen_error_is_told_with_the_line_of_the_cell(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
):
    code = "def ask():\n    raise ConnectionRefusedError(111, 'refused')\n\nask()"
    lines = shown(shell, code, capsys)
    assert lines[:2] == ["No server answers.", "  in line 2: raise ConnectionRefusedError(111, 'refused')"]
    assert lines[2].startswith("→ In a terminal, `workshop status`")


def test_an_error_of_the_workshop_has_its_own_sentences(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]):
    shell.user_ns["error"] = WorkshopError("It happened.", "Do this.")
    assert shown(shell, "raise error", capsys) == ["It happened.", "→ Do this."]


def test_any_other_error_keeps_its_traceback(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]):
    text = "\n".join(shown(shell, "1 / 0", capsys))
    assert "Traceback" in text
    assert "ZeroDivisionError" in text


def test_an_error_of_syntax_is_shown_as_usual(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]):
    text = "\n".join(shown(shell, "a = = 1", capsys))
    assert "SyntaxError" in text


def test_a_program_without_a_shell_is_left_alone():
    InteractiveShell.clear_instance()
    notebook_errors.install()
