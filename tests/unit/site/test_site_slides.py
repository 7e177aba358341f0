"""Slides of a lesson and of the talk."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from website import lessons, slides
from website.lessons import Lesson

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs/instructor.md").read_text(encoding="utf-8")
PICTURE = '<img alt="none is lost" src="data:image/png;base64,iVBORw0KGgo=">'


def read(tmp_path: Path, name: str, cells: list[NotebookNode]) -> Lesson:
    path = tmp_path / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return lessons.read(path)


def drawn(cell_id: str) -> NotebookNode:
    outputs = [
        new_output("display_data", data={"text/html": html}) for html in (PICTURE.replace("none", "one"), PICTURE)
    ]
    return new_code_cell("draw()", id=cell_id, outputs=outputs)


def test_a_deck_has_the_sections_predictions_last_pictures_and_the_take_away(tmp_path: Path):
    cells = [
        new_markdown_cell("# 03 · Replication\n\n**After this lesson you can** choose.\n\n*45 minutes.*"),
        new_markdown_cell("## 1 · A [broker](x.md) dies\n\n**Predict:** *how many\nare lost?*"),
        drawn("kill"),
        new_markdown_cell("## To take away\n\n**Three replicas.**"),
    ]
    one = read(tmp_path, "03_replication", cells)
    deck = slides.deck(one, {"03": one}, GUIDE)
    assert [(slide.heading, slide.body, slide.alt) for slide in deck[1:]] == [
        ("1 · A [broker](x.md) dies", "*how many are lost?*", ""),
        ("1 · A [broker](x.md) dies", "", "none is lost"),
        ("To take away", "**Three replicas.**", ""),
    ]
    assert deck[0].body.endswith("*45 minutes*")
    page = slides.html(one, deck)
    assert "<h2>1 · A broker dies</h2>" in page
    assert 'alt="none is lost"' in page


def test_the_notes_of_a_lesson_are_the_instructors_plans(tmp_path: Path):
    notes = slides.notes_of_lesson("03", GUIDE)
    assert len(notes) == 2, "in the half day and in the day"
    assert all("03 Replication" in note for note in notes)


def test_the_notes_of_the_talk_are_the_instructors_questions():
    express = (ROOT / "solutions/express.toml").read_text(encoding="utf-8")
    titles = [line.partition('"')[2].rstrip('"') for line in express.splitlines() if line.startswith("title = ")][1:]
    assert titles
    for number, title in enumerate(titles, 1):
        notes = slides.notes_of_stop(f"{number} · {title}", GUIDE)
        assert len(notes) == 3, title
        assert notes[1].startswith("Ask: ")


def test_the_talk_takes_missing_pictures_from_the_lessons(tmp_path: Path):
    lesson = read(tmp_path, "03_replication", [new_markdown_cell("# 03"), drawn("kill")])
    cells = [new_markdown_cell("# Express"), new_markdown_cell("## 1 · Stop"), new_code_cell("draw()", id="s03-kill")]
    deck = slides.deck(read(tmp_path, "express", cells), {"03": lesson}, GUIDE)
    assert [slide.alt for slide in deck] == ["", "", "none is lost"]


def test_a_quote_in_guillemets_is_marked_as_french(tmp_path: Path):
    cells = [
        new_markdown_cell("# 05 · Fraud"),
        new_markdown_cell("## 6 · « Attention … »\n\n**Predict:** *who reads « **Attention**, vous » first?*"),
    ]
    one = read(tmp_path, "05_fraud_analysis", cells)
    page = slides.html(one, slides.deck(one, {"05": one}, ""))
    assert '<h2>6 · «<span lang="fr"> Attention … </span>»</h2>' in page
    assert '«<span lang="fr"> <strong>Attention</strong>, vous </span>» first?' in page
