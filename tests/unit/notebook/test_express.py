"""The express notebook: built from tagged cells, each stop stands alone, and its minutes agree with the instructor's page."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from suite.cells import names
from workshop.base.settings import Settings
from workshop.notebook import express
from workshop.notebook.handout import attendee_copy, is_answer

ROOT = Settings.load().root
FRAME = express.frame(ROOT)
STOPS = [pytest.param(stop, id=stop["lesson"]) for stop in FRAME["stop"]]
TAGGED = {"metadata": {"tags": ["express"]}}
SMALL = """
title = "Short"
opening = "Begin."
closing = "## The end"
[[stop]]
lesson = "00"
minutes = 5
title = "One"
text = "Look."
after = "Seen."
end = "ws.tidy()"
texts = {more = "other words"}
"""


def lesson_of(stop: dict) -> nbformat.NotebookNode:
    (path,) = (ROOT / "solutions").glob(f"{stop['lesson']}_*.ipynb")
    return nbformat.read(path, as_version=4)


def tagged(stop: dict) -> list[nbformat.NotebookNode]:
    return [cell for cell in lesson_of(stop).cells if express.TAG in cell.metadata.get("tags", [])]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A course of one lesson, of which three cells are tagged."""
    (tmp_path / "solutions").mkdir()
    cells = [
        new_markdown_cell("## 3 · A heading", id="head", **TAGGED),
        new_code_cell("left = 'out'", id="left-out"),
        new_code_cell("x = 1", id="x", outputs=[new_output("stream", text="1")], execution_count=4, **TAGGED),
        new_markdown_cell("see section 2", id="more", **TAGGED),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "solutions" / "00_lesson.ipynb")
    (tmp_path / "solutions" / "express.toml").write_text(SMALL)
    return tmp_path


def test_tagged_cells_are_put_between_the_frame_s_texts(small: Path):
    built = express.build(small)
    assert [(cell.id, cell.source) for cell in built.cells] == [
        ("title", "# Short\n\nBegin.\n\n| stop | | minutes |\n|---:|---|---:|\n| 1 | One | 5 |"),
        ("s00-stop", "## 1 · One\n\nLook."),
        ("s00-head", "### A heading"),
        ("s00-x", "x = 1"),
        ("s00-more", "other words"),
        ("s00-end", "ws.tidy()"),
        ("s00-after", "Seen. *The whole lesson: [00](00_lesson.ipynb).*"),
        ("closing", "## The end"),
    ]
    assert not any(cell.metadata or cell.get("outputs") for cell in built.cells)
    nbformat.validate(built)


def test_a_course_without_a_frame_has_no_express_notebook(tmp_path: Path):
    assert express.build(tmp_path) is None


def test_a_lesson_is_handed_out_without_the_tag(small: Path):
    solved = nbformat.read(small / "solutions" / "00_lesson.ipynb", as_version=4)
    assert not any(cell.metadata for cell in attendee_copy(solved).cells)


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_needs_no_cell_that_is_left_out(stop: dict):
    made_in_lesson = set().union(*(names(c.source)[0] for c in lesson_of(stop).cells if c.cell_type == "code"))
    known: set[str] = set()
    code = [cell.source for cell in tagged(stop) if cell.cell_type == "code"] + [stop["end"]]
    for source in code:
        defined, used = names(source)
        assert not (used - defined - known) & made_in_lesson, source
        known |= defined


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_has_no_exercise_and_uses_all_of_its_texts(stop: dict):
    cells = tagged(stop)
    assert not any(is_answer(cell) or cell.id.startswith(("ex", "q")) for cell in cells)
    assert set(stop.get("texts", {})) <= {cell.id for cell in cells if cell.cell_type == "markdown"}
    assert any("**Predict:**" in stop.get("texts", {}).get(cell.id, cell.source) for cell in cells)


def test_no_text_refers_to_a_section_that_is_not_there():
    for cell in express.build(ROOT).cells:
        assert not re.search(r"\bsections? \d", cell.source), cell.id


def test_eight_stops_have_forty_minutes_and_are_on_the_instructor_s_page():
    assert (len(FRAME["stop"]), express.minutes(FRAME)) == (8, 40)
    page = (ROOT / "docs" / "instructor.md").read_text().split("\n## Express")[1].split("\n## ")[0]
    rows = re.findall(r"^\| \d+:\d\d \| (\d+) \| \d · (.*?) \|", page, re.MULTILINE)
    assert [(int(minutes), title) for minutes, title in rows] == [
        (stop["minutes"], stop["title"]) for stop in FRAME["stop"]
    ]
