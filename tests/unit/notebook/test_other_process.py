"""A function of a notebook in another process, which can be killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.notebook.other_process import run_as_process


def writes(file: Path, *, word: str) -> None:
    with open(file, "w") as opened:
        opened.write(word)


def kills_itself(file: Path) -> None:
    open(file, "w").close()
    os.kill(os.getpid(), signal.SIGKILL)  # noqa: F821 - the process imports both


def fails() -> None:
    raise ValueError("no such card")


def test_the_function_runs_with_its_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run_as_process(writes, str(tmp_path / "f"), word="done")
    assert (tmp_path / "f").read_text() == "done"
    assert "ended normally" in capsys.readouterr().out


def test_a_process_that_is_killed_is_reported_and_its_effect_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run_as_process(kills_itself, str(tmp_path / "f"))
    assert (tmp_path / "f").exists()
    assert "was killed (SIGKILL)" in capsys.readouterr().out


def test_an_error_is_a_sentence_with_its_last_line():
    with pytest.raises(WorkshopError, match=r"`fails` ended with an error: ValueError: no such card"):
        run_as_process(fails)
