"""Mutation tests of every exercise: nothing, a wrong answer or a failing command is refused; the right answer is not."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from workshop import cluster
from workshop.connection import Connection
from workshop.notebooks import STUB, is_answer, needs_kubernetes, solutions
from workshop.settings import Settings

WRONG = Path(__file__).parent / "wrong_answers"
LESSONS = [pytest.param(path, id=path.stem) for path in solutions(Settings.load())]
# Their checks play whole days of load: half an hour more, by `./infra/test.sh --backend local exercises`, or kind.
SLOW_TOO = "kubernetes" in cluster.read_endpoints(Settings.load()) and "WORKSHOP_ALL_EXERCISES" in os.environ
ELSEWHERE = "NOT RUN: half an hour by itself, ./infra/test.sh --backend local exercises"
CAN_RUN = [
    pytest.param(
        *param.values,
        id=param.id,
        marks=pytest.mark.skipif(needs_kubernetes(param.values[0]) and not SLOW_TOO, reason=ELSEWHERE),
    )
    for param in LESSONS
]
STRICT_COMMANDS = "c.InteractiveShell.system_raise_on_error = True\n"


@pytest.fixture(autouse=True)
def _rehearsal(ws: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels in which an exercise that is not passed, and a command that fails, is an error."""
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_config.py").write_text(STRICT_COMMANDS)
    monkeypatch.setenv("IPYTHONDIR", str(profile.parent))
    monkeypatch.setenv("WORKSHOP_STRICT", "1")


class Lesson:
    """A lesson in a kernel, cell by cell."""

    def __init__(self, path: Path) -> None:
        self.notebook = nbformat.read(path, as_version=4)
        self.client = NotebookClient(self.notebook, timeout=240, resources={"metadata": {"path": str(path.parent)}})

    def run(self, cell: nbformat.NotebookNode, source: str | None = None) -> None:
        """Run a cell, or other code in its place."""
        number = self.notebook.cells.index(cell)
        original, cell.source = cell.source, cell.source if source is None else source
        try:
            self.client.execute_cell(cell, number)
        finally:
            cell.source = original

    def refusal(self, cell: nbformat.NotebookNode, source: str | None = None) -> CellExecutionError | None:
        """The error with which a cell ends, if it does."""
        try:
            self.run(cell, source)
        except CellExecutionError as error:
            return error
        return None


def wrong_answers(path: Path) -> dict[str, list[dict]]:
    """The wrong answers to a lesson: the id of the answer cell to code and the words that the check must say."""
    return tomllib.loads((WRONG / f"{path.name[:2]}.toml").read_text())


@pytest.mark.parametrize("path", LESSONS)
def test_every_exercise_has_wrong_answers_to_try(path: Path):
    answers = {cell.id for cell in nbformat.read(path, as_version=4).cells if is_answer(cell)}
    assert set(wrong_answers(path)) == answers
    assert all(wrong_answers(path).values())


@pytest.mark.parametrize("path", CAN_RUN)
def test_wrong_answers_are_refused_with_a_reason_and_the_right_ones_pass(path: Path):
    lesson = Lesson(path)
    with lesson.client.setup_kernel():
        cells = [cell for cell in lesson.notebook.cells if cell.cell_type == "code"]
        for number, cell in enumerate(cells):
            lesson.run(cell)
            if number + 2 < len(cells) and is_answer(cells[number + 1]):
                _try_wrong_ones(lesson, *cells[number : number + 3], wrong_answers(path)[cells[number + 1].id])
                lesson.run(cell)
        assert _name(lesson.refusal(cells[-1], "!exit 3")) == "CalledProcessError"


def _try_wrong_ones(lesson: Lesson, set_up, answer, check, wrong: list[dict]) -> None:
    for attempt in [{"code": STUB, "says": ["unanswered"]}, *wrong]:
        lesson.run(set_up)
        lesson.run(answer, attempt["code"])
        refused = lesson.refusal(check)
        assert _name(refused) == "CheckFailed", f"{check.id} lets this pass:\n{attempt['code']}"
        said = refused.evalue
        assert [words for words in attempt["says"] if words not in said] == [], said


def _name(error: CellExecutionError | None) -> str:
    return error.ename if error else "no error"
