"""Facts of a lesson, and its notebook as a page of the site."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from website import lessons, notebooks
from website.lessons import Lesson

ROOT = Path(__file__).resolve().parents[3]
PICTURE = base64.b64encode(b"\x89PNG picture").decode()
RUN = {
    "ended": "2026-11-29T05:34:10+00:00",
    "seconds": 79.6,
    "commit": "abcdef0123",
    "changed": False,
    "backend": "local",
    "python": "3.12.1",
    "cores": 2,
    "memory_gb": 25.1,
    "system": "Linux x86_64",
    "failed": "",
    "message": "",
}


def lesson(tmp_path: Path, cells: list[NotebookNode] | None = None, **about: Any) -> Lesson:
    title = new_markdown_cell(
        "# 03 · Replication\n\n**After this lesson you can** choose settings.\n\n*45 minutes.* Go."
    )
    end = new_markdown_cell(
        "## To take away\n\n**Three replicas.** They count.\n\n**Next:** [04](04_event_replay.ipynb)"
    )
    notebook = new_notebook(cells=[title, *(cells or []), end])
    notebook.metadata["workshop"] = about
    path = tmp_path / "03_replication.ipynb"
    nbformat.write(notebook, path)
    return lessons.read(path)


def test_the_facts_come_from_the_notebook(tmp_path: Path):
    found = lesson(tmp_path, needs="kubernetes")
    assert (found.key, found.title, found.minutes) == ("03", "03 · Replication", 45)
    assert (found.can, found.take_away) == ("choose settings.", "**Three replicas.** They count.")
    assert found.kubernetes
    assert found.state == lessons.NOT_EXECUTED


@pytest.mark.parametrize("path", sorted((ROOT / "solutions").glob("[0-9][0-9]_*.ipynb")), ids=lambda path: path.stem)
def test_each_lesson_has_facts_and_a_take_away(path: Path):
    found = lessons.read(path)
    assert found.minutes
    assert found.can
    assert found.take_away
    assert found.title.startswith(f"{found.key} · ")


def test_a_page_says_when_where_and_at_which_commit_it_was_executed(tmp_path: Path):
    text = notebooks.facts(lesson(tmp_path, run=RUN))
    assert (
        "Executed on 2026-11-29 at 05:34 UTC at commit abcdef0123 in 80 seconds "
        "(2 processors, 25 GB of memory, Linux x86_64, Python 3.12.1, backend local)." in text
    )
    assert "was not executed" not in text


def test_a_page_without_a_run_names_the_command(tmp_path: Path):
    assert "run `workshop run 03`, then `workshop site`" in notebooks.facts(lesson(tmp_path))


def test_a_lesson_that_was_edited_after_its_run_says_so(tmp_path: Path):
    assert "edited after this run" in notebooks.facts(lesson(tmp_path, run=RUN, outdated=True))


def test_a_failed_lesson_shows_the_cell_and_the_error(tmp_path: Path):
    error = new_output("error", ename="ValueError", evalue="no", traceback=["\x1b[31mValueError\x1b[0m: no"])
    cells = [new_code_cell("good()", id="good"), new_code_cell("bad()", id="bad", outputs=[error])]
    failed = lesson(tmp_path, cells, run=RUN | {"failed": "bad", "message": "ValueError: no"})
    page = notebooks.page(failed, set(), tmp_path / "pictures")
    assert failed.state == lessons.FAILED
    ids = [cell.id for cell in page.cells]
    assert ids.index("site-failed") == ids.index("bad") - 1
    assert 'href="#failed-cell"' in page.cells[1].source
    assert 'id="failed-cell"' in page.cells[ids.index("site-failed")].source
    assert page.cells[ids.index("bad")].outputs[0].traceback == ["ValueError: no"]


def test_an_answer_and_the_right_choices_are_folded(tmp_path: Path):
    told = new_output("stream", text="1: b")
    cells = [
        new_code_cell("answer", id="ex1-answer", metadata={"tags": ["answer"]}),
        new_code_cell("check.questions(choices)", id="q-check", outputs=[told]),
    ]
    page = notebooks.page(lesson(tmp_path, cells, run=RUN), set(), tmp_path / "pictures")
    by_id = {cell.id: cell for cell in page.cells}
    assert "hide-cell" in by_id["ex1-answer"].metadata.tags
    assert by_id["ex1-answer"].metadata.mystnb["code_prompt_show"] == "Show a solution"
    assert "hide-output" in by_id["q-check"].metadata.tags


def test_a_picture_becomes_a_file_that_the_slides_find_too(tmp_path: Path):
    html = f'<style>[data-jp-theme-light="false"] img{{}}</style><img alt="a &lt; b" src="data:image/png;base64,{PICTURE}">'
    cells = [new_code_cell("draw()", id="draw", outputs=[new_output("display_data", data={"text/html": html})])]
    one = lesson(tmp_path, cells, run=RUN)
    page = notebooks.page(one, set(), tmp_path / "pictures")
    ((alt, address),) = notebooks.pictures_of(one.notebook.cells[1])
    shown = next(cell for cell in page.cells if cell.id == "draw").outputs[0].data["text/html"]
    assert shown == f'<img alt="a &lt; b" src="{address}">'
    assert alt == "a < b"
    assert (tmp_path / "pictures" / Path(address).name).read_bytes() == b"\x89PNG picture"


def test_texts_are_joined_but_stay_before_and_after_a_picture(tmp_path: Path):
    def said(text: str) -> NotebookNode:
        return new_output("stream", name="stdout", text=text)

    shown = new_output("display_data", data={"text/plain": "picture"})
    outputs = [said("applied\n"), said("done\n"), shown, said("events\n")]
    page = notebooks.page(lesson(tmp_path, [new_code_cell("x", id="x", outputs=outputs)], run=RUN), set(), tmp_path)
    found = next(cell for cell in page.cells if cell.id == "x").outputs
    assert [one.get("text", "picture") for one in found] == ["applied\ndone\n", "picture", "events\n"]
