"""Slides of a lesson: its headings, predictions, pictures and take-away, shown by reveal.js.

The deck of the express notebook is the one for the talk. Speaker notes come from `docs/instructor.md`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from nbformat import NotebookNode

from website.lessons import Lesson
from website.markdown import LINK
from website.notebooks import pictures_of

REVEAL = (
    "dist/reset.css",
    "dist/reveal.css",
    "dist/theme/white.css",
    "dist/reveal.js",
    "dist/plugin/notes.js",
    "LICENSE",
)
SECTION = re.compile(r"^## +(.+?) *$", re.MULTILINE)
PREDICT = re.compile(r"\*\*Predict:\*\*\s*(.+?)(?:\n\n|$)", re.DOTALL)
LAST = "To take away"
ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
FRENCH = re.compile(r"«((?:[^«»<]|</?(?:em|strong)>)*)»")
RENDER = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass
class Slide:
    """One slide.

    Attributes:
        heading: plain text with inline Markdown.
        body: Markdown.
        picture: the address of a picture, or empty.
        alt: the picture's text alternative.
        notes: Markdown for the speaker.
    """

    heading: str
    body: str = ""
    picture: str = ""
    alt: str = ""
    notes: list[str] = field(default_factory=list)


def write(lessons: Sequence[Lesson], root: Path, reveal: Path, site: Path) -> None:
    """Write one deck for each lesson, and the parts of reveal.js that they load.

    Args:
        reveal: the unpacked package reveal.js.
        site: the folder of the built site.
    """
    folder = site / "slides"
    for part in REVEAL:
        target = folder / "reveal" / part.removeprefix("dist/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(reveal / part, target)
    guide = root / "docs/instructor.md"
    instructor = guide.read_text(encoding="utf-8") if guide.exists() else ""
    by_key = {lesson.key: lesson for lesson in lessons}
    for lesson in lessons:
        (folder / f"{lesson.key}.html").write_text(html(lesson, deck(lesson, by_key, instructor)), encoding="utf-8")


def deck(lesson: Lesson, lessons: dict[str, Lesson], instructor: str) -> list[Slide]:
    """Return the slides of a lesson.

    Args:
        lessons: all lessons by number; the express notebook takes missing pictures from them.
        instructor: the text of the instructor's page.
    """
    opening = f"After this lesson you can {lesson.can}" if lesson.can else ""
    first = Slide(lesson.title, opening, notes=notes_of_lesson(lesson.key, instructor))
    if lesson.minutes:
        first.body += f"\n\n*{lesson.minutes} minutes*"
    slides = [first]
    for heading, cells in _sections(lesson.notebook):
        if heading != LAST:
            slides += _section(heading, cells, lessons, instructor)
    if lesson.take_away:
        slides.append(Slide(LAST, lesson.take_away))
    return slides


def _sections(notebook: NotebookNode) -> Iterator[tuple[str, list[NotebookNode]]]:
    """Yield each section's heading and cells; the cells before the first heading belong to the first slide."""
    heading = ""
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        found = SECTION.search(cell.source) if cell.cell_type == "markdown" else None
        if found:
            if heading:
                yield heading, cells
            heading, cells = found[1], []
        cells.append(cell)
    if heading:
        yield heading, cells


def _section(
    heading: str, cells: Sequence[NotebookNode], lessons: dict[str, Lesson], instructor: str
) -> Iterator[Slide]:
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    asked = [" ".join(found.split()) for text in texts for found in PREDICT.findall(text)]
    yield Slide(heading, "\n\n".join(asked), notes=notes_of_stop(heading, instructor))
    for cell in cells:
        for alt, address in _pictures(cell, lessons)[-1:]:  # a live picture ends in its still
            yield Slide(heading, picture=address, alt=alt, notes=[alt])


def _pictures(cell: NotebookNode, lessons: dict[str, Lesson]) -> list[tuple[str, str]]:
    if cell.cell_type != "code":
        return []
    found = pictures_of(cell)
    copied = re.fullmatch(r"s(\d\d)-(.+)", cell.id)
    if not found and copied and copied[1] in lessons:
        originals = lessons[copied[1]].notebook.cells
        found = [
            one for cell in originals if cell.id == copied[2] and cell.cell_type == "code" for one in pictures_of(cell)
        ]
    return found


def notes_of_lesson(key: str, instructor: str) -> list[str]:
    """Return the rows of the instructor's plans that name a lesson, such as "Half a day, at 0:45: …"."""
    notes, plan = [], ""
    for line in instructor.splitlines():
        if line.startswith("## "):
            plan = line[3:]
        cells = [cell.strip() for cell in line.strip("|").split("|")] if ROW.match(line) else []
        if len(cells) >= 4 and re.match(rf"(?:finale: )?{key} ", cells[2]):
            checkpoint = f" Checkpoint: {cells[3]}." if cells[3] else ""
            notes.append(f"{plan}: at {cells[0]}, {cells[1]} minutes. {cells[2]}.{checkpoint}")
    return notes


def notes_of_stop(heading: str, instructor: str) -> list[str]:
    """Return the instructor's question and the usual wrong prediction of a stop, such as "4 · The leader dies …"."""
    for line in ROW.findall(instructor):
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5 and cells[2] == heading:
            wrong = f"The usual wrong prediction: {cells[4]}." if cells[4] else ""
            return [one for one in (f"At {cells[0]}, {cells[1]} minutes.", f"Ask: {cells[3]}", wrong) if one]
    return []


def html(lesson: Lesson, slides: Sequence[Slide]) -> str:
    """Return the page of a deck; it loads only files of the site."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(lesson.title)} · slides</title>
<link rel="stylesheet" href="reveal/reset.css">
<link rel="stylesheet" href="reveal/reveal.css">
<link rel="stylesheet" href="reveal/theme/white.css">
<link rel="stylesheet" href="../_static/slides.css">
</head>
<body>
<main class="reveal"><div class="slides">
{chr(10).join(_slide(one) for one in slides)}
</div></main>
<a class="back" href="../notebooks/{lesson.name}.html">The lesson</a>
<script src="reveal/reveal.js"></script>
<script src="reveal/plugin/notes.js"></script>
<script>Reveal.initialize({{ hash: true, slideNumber: true, plugins: [RevealNotes] }});</script>
</body>
</html>
"""


def _slide(slide: Slide) -> str:
    parts = [f"<h2>{_with_french(RENDER.renderInline(_plain(slide.heading)))}</h2>"]
    if slide.body.strip():
        parts.append(_with_french(RENDER.render(_plain(slide.body.strip()))))
    if slide.picture:
        parts.append(f'<img src="{slide.picture}" alt="{escape(slide.alt)}">')
    if slide.notes:
        parts.append(f'<aside class="notes">{RENDER.render(chr(10).join(f"- {note}" for note in slide.notes))}</aside>')
    return f"<section>\n{chr(10).join(parts)}\n</section>"


def _with_french(html: str) -> str:
    """Return HTML whose quotes in guillemets are marked as French, for screen readers."""
    return FRENCH.sub(r'«<span lang="fr">\1</span>»', html)


def _plain(text: str) -> str:
    """Return Markdown whose links are their words: a slide leads nowhere."""
    return LINK.sub(lambda found: found[2], text)
