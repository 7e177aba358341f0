"""The express notebook: the shortest path through the course, generated from tagged cells of the solved lessons.

`solutions/express.toml` has its frame: the title, and for each stop the lesson, the minutes, a text before and after its
cells, and a last cell that closes what the stop opened. The cells of a stop are those of the lesson that carry the tag
`express`, in their order; the frame may have other words for a text cell, for example if the lesson's refer to a section.
A stop connects to the stack itself, so that each stop stands alone. There are no exercises in it.
"""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NAME = "express"
TAG = "express"
KERNEL = ("kernelspec", "language_info")  # metadata that say how to run the cells
SECTION = re.compile(r"^## (?:\d+ · )?", re.MULTILINE)


def frame(root: Path) -> dict | None:
    """Return the frame of the express notebook, or None if the course has none."""
    path = root / "solutions" / f"{NAME}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def build(root: Path) -> NotebookNode | None:
    """Return the express notebook of the checkout in `root`, without outputs; None if the course has none."""
    about = frame(root)
    if about is None:
        return None
    notebook = new_notebook(cells=[new_markdown_cell(_opening(about), id="title")])
    for number, stop in enumerate(about["stop"], 1):
        (path,) = (root / "solutions").glob(f"{stop['lesson']}_*.ipynb")
        lesson = nbformat.read(path, as_version=4)
        notebook.cells += _stop(number, stop, path.name, lesson)
        notebook.metadata.update({key: lesson.metadata[key] for key in KERNEL if key in lesson.metadata})
    notebook.cells.append(new_markdown_cell(about["closing"].strip(), id="closing"))
    notebook.metadata["workshop"] = {"needs": "kubernetes"}
    return notebook


def minutes(about: dict) -> int:
    """Return the minutes of all stops together."""
    return sum(stop["minutes"] for stop in about["stop"])


def _opening(about: dict) -> str:
    rows = [f"| {n} | {stop['title']} | {stop['minutes']} |" for n, stop in enumerate(about["stop"], 1)]
    table = "\n".join(["| stop | | minutes |", "|---:|---|---:|", *rows])
    return f"# {about['title']}\n\n{about['opening'].strip()}\n\n{table}"


def _stop(number: int, stop: dict, file: str, lesson: NotebookNode) -> list[NotebookNode]:
    """Return the cells of a stop: its heading and text, the tagged cells, and a link to the whole lesson."""
    key = f"s{stop['lesson']}"
    heading = f"## {number} · {stop['title']}\n\n{stop['text'].strip()}"
    whole = f"{stop['after'].strip()} *The whole lesson: [{stop['lesson']}]({file}).*"
    tagged = [cell for cell in lesson.cells if TAG in cell.metadata.get("tags", [])]
    texts = stop.get("texts", {})
    return [
        new_markdown_cell(heading, id=f"{key}-stop"),
        *(_copied(cell, key, texts.get(cell.id, cell.source)) for cell in tagged),
        new_code_cell(stop["end"].strip(), id=f"{key}-end"),
        new_markdown_cell(whole, id=f"{key}-after"),
    ]


def _copied(cell: NotebookNode, key: str, source: str) -> NotebookNode:
    """Return a lesson's cell with an id that is unique in the express notebook; its heading is one level lower."""
    new = copy.deepcopy(cell)
    new.id = f"{key}-{cell.id}"
    new.metadata = nbformat.from_dict({})
    if new.cell_type == "markdown":
        new.source = SECTION.sub("### ", source.strip())
    else:
        new.outputs, new.execution_count = [], None
    return new
