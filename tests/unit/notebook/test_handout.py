"""The attendees' notebooks: generated from the solved ones, and an attendee's work is never lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from workshop.base import learner_progress
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.notebook import handout
from workshop.notebook.handout import STUB, attendee_copy, differences, generate_all, out_of_date, restore, solutions

REAL = [pytest.param(path, id=path.stem) for path in solutions(Settings.load())]
WIDEST_CODE = 96  # characters that fit into a notebook's cell on a laptop's screen


@pytest.fixture
def course(settings: Settings, tmp_path: Path) -> Settings:
    """A course of one small lesson."""
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Lesson", id="title"),
            new_code_cell(
                "given = 1",
                id="given",
                outputs=[new_output("stream", text="x")],
                execution_count=7,
                metadata={"execution": {"iopub.execute_input": "2026"}},
            ),
            new_code_cell("answer = 42", id="ex-answer", metadata={"tags": ["answer"]}),
            new_code_cell("check(answer)", id="ex-check"),
        ]
    )
    for name in ("solutions", "notebooks"):
        (tmp_path / name).mkdir()
    nbformat.write(notebook, tmp_path / "solutions" / "00_lesson.ipynb")
    return replace(settings, root=tmp_path)


def handed_out(course: Settings) -> Path:
    generate_all(course)
    return course.root / "notebooks" / "00_lesson.ipynb"


def edit(path: Path, **sources: str) -> None:
    """What an attendee does: change cells, add one of their own, keep outputs."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        name = cell.id.replace("-", "_")
        if name in sources:
            cell.source = sources[name]
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [new_output("stream", text="something")], 3
    if "own" in sources:
        notebook.cells.insert(2, new_code_cell(sources["own"], id="own"))
    nbformat.write(notebook, path)


def source(path: Path, name: str) -> str:
    return next(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.id == name)


def test_the_copy_has_no_answers_and_no_outputs(course: Settings):
    notebook = nbformat.read(handed_out(course), as_version=4)
    assert [cell.source for cell in notebook.cells] == ["# Lesson", "given = 1", STUB, "check(answer)"]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert not any("execution" in cell.metadata for cell in code), "JupyterLab records the time of execution there"


def test_an_attendees_answers_outputs_and_own_cells_do_not_make_it_stale(course: Settings):
    edit(handed_out(course), ex_answer="answer = 41", own="my = 1")
    assert out_of_date(course) == []


def test_a_change_of_the_solution_does(course: Settings):
    handed_out(course)
    edit(course.root / "solutions" / "00_lesson.ipynb", given="given = 2")
    assert out_of_date(course) == ["00_lesson.ipynb"]


def test_a_changed_answer_of_the_solution_does_not(course: Settings):
    handed_out(course)
    edit(course.root / "solutions" / "00_lesson.ipynb", ex_answer="answer = 6 * 7")
    assert out_of_date(course) == []


def test_cells_out_of_order_missing_or_left_over_files_are_stale(course: Settings):
    path = handed_out(course)
    fresh = attendee_copy(nbformat.read(course.root / "solutions" / "00_lesson.ipynb", as_version=4))
    swapped = nbformat.read(path, as_version=4)
    swapped.cells[0], swapped.cells[1] = swapped.cells[1], swapped.cells[0]
    assert differences(fresh, swapped) == ["the order of the cells"]
    without = nbformat.read(path, as_version=4)
    del without.cells[2]
    assert differences(fresh, without) == ["ex-answer"]
    path.rename(path.with_name("01_gone.ipynb"))
    assert out_of_date(course) == ["00_lesson.ipynb", "01_gone.ipynb"]


def test_generating_again_keeps_answers_and_a_backup_of_the_rest(course: Settings):
    path = handed_out(course)
    edit(path, ex_answer="answer = 41", own="my = 1")
    before = path.read_text()
    edit(course.root / "solutions" / "00_lesson.ipynb", given="given = 2")
    generate_all(course)
    assert source(path, "given") == "given = 2"
    assert source(path, "ex-answer") == "answer = 41"
    assert [backup.read_text() for backup in (course.common / "backups").iterdir()] == [before]


def test_generating_again_without_a_change_writes_nothing(course: Settings):
    edit(handed_out(course), ex_answer="answer = 41")
    assert generate_all(course) == []


def test_reset_restores_a_lesson_keeps_a_backup_and_forgets_its_progress(course: Settings):
    path = handed_out(course)
    edit(path, ex_answer="answer = 41")
    before = path.read_text()
    learner_progress.record(course, "00.1")
    learner_progress.record(course, "01.1")
    name, backup = restore(course, "0")
    assert (name, source(path, "ex-answer")) == ("notebooks/00_lesson.ipynb", STUB)
    assert backup is not None
    assert backup.read_text() == before
    assert list(learner_progress.read(course)) == ["01.1"]


def test_reset_restores_a_notebook_that_is_broken_or_gone(course: Settings):
    path = handed_out(course)
    path.write_text("{ not a notebook")
    restore(course, "00")
    assert source(path, "given") == "given = 1"
    path.unlink()
    assert restore(course, "00")[1] is None
    assert source(path, "given") == "given = 1"


def test_an_unknown_lesson_and_a_broken_notebook_are_named(course: Settings):
    with pytest.raises(WorkshopError, match=r"no lesson '77'.*There are: 00"):
        restore(course, "77")
    handed_out(course).write_text("{ not a notebook")
    with pytest.raises(WorkshopError, match=r"00_lesson\.ipynb cannot be read.*workshop reset 00"):
        out_of_date(course)


@pytest.mark.parametrize("path", REAL)
def test_a_lesson_is_stored_clean_and_keeps_to_the_form(path: Path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert notebook.cells[0].source.startswith(f"# {path.name[:2]} · ")
    assert max(len(cell.source.splitlines()) for cell in code) <= 20
    wide = [line for cell in code for line in cell.source.splitlines() if len(line) > WIDEST_CODE]
    assert wide == []


@pytest.mark.parametrize("path", REAL)
def test_each_answer_cell_stands_between_its_set_up_and_its_check(path: Path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    answers = [number for number, cell in enumerate(code) if handout.is_answer(cell)]
    assert 1 <= len(answers) <= 4
    for number in answers:
        name = code[number].id.removesuffix("-answer")
        assert [cell.id for cell in code[number - 1 : number + 2]] == [
            f"{name}-setup",
            f"{name}-answer",
            f"{name}-check",
        ]
