"""A lesson's notebook as a page: its facts below the title, folded solutions, pictures as files."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from collections.abc import Collection
from html import unescape
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from website import markdown, recordings
from website.lessons import FAILED, NOT_EXECUTED, Lesson, executed_sentence

PICTURES = "_pictures"
EMBEDDED = re.compile(r"data:image/(png|webp|jpeg|gif);base64,([A-Za-z0-9+/=\s]+)")
PICTURE = re.compile(r"<img\b[^>]*>")
ALT = re.compile(r'\balt="([^"]*)"')
THEME_OF_THE_LAB = re.compile(r"<style>\[data-jp-theme-light.*?</style>", re.DOTALL)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
SOLUTION = {"code_prompt_show": "Show a solution", "code_prompt_hide": "Hide the solution"}
ANSWERS = {"code_prompt_show": "Show the answers", "code_prompt_hide": "Hide the answers"}
QUESTIONS = "q-check"  # the cell whose output explains the right choices


def page(lesson: Lesson, pages: Collection[str], pictures: Path) -> NotebookNode:
    """Return the notebook of a lesson's page, and write its pictures as files.

    Args:
        pages: the paths of all pages of the site.
        pictures: the folder of the pictures on the site; pages reach it as `../_pictures`.
    """
    notebook = copy.deepcopy(lesson.notebook)
    place = f"notebooks/{lesson.name}.ipynb"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = markdown.for_site(cell.source, place, pages)
        elif cell.cell_type == "code":
            _fold(cell)
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                _change_output(output, pictures, lesson.title)
    notebook.cells[1:1] = [new_markdown_cell(facts(lesson), id="site-facts")]
    if lesson.state == FAILED:
        _mark_the_failure(notebook, lesson)
    notebook.metadata.pop("workshop", None)
    # Cells may contain lines for the shell (`!kubectl …`), which are no Python.
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    return notebook


def facts(lesson: Lesson) -> str:
    """Return the lines below the title: what the lesson needs, how to run it, and the execution that the page shows."""
    needs = "a running stack with Kubernetes" if lesson.kubernetes else "a running stack"
    lines = [
        f"Prerequisites: {needs}; each lesson makes what it needs, so you can begin with any. · "
        f'<a href="../slides/{lesson.key}.html">Slides</a>',
        "",
        "<details><summary>Run this lesson</summary>",
        "",
        "In a clone of the project, start the stack; the command prints JupyterLab's address:",
        "",
        "```sh",
        "./infra/bootstrap.sh",
        "```",
        "",
        f"Open `notebooks/{lesson.name}.ipynb` there. To execute the solved lesson and to see its outputs, "
        "as on this page:",
        "",
        "```sh",
        f".venv/bin/workshop run {lesson.key}",
        "```",
        "",
        "</details>",
        "",
        *_state(lesson),
    ]
    return "\n".join(lines)


def _state(lesson: Lesson) -> list[str]:
    if lesson.state == NOT_EXECUTED:
        return [
            "```{warning}",
            "This page has no outputs, because the lesson was not executed before the site was built: run "
            f"`workshop run {lesson.key}`, then `workshop site`.",
            "```",
        ]
    lines = [f'<p class="run-record">{executed_sentence(lesson.run)}</p>']
    if lesson.outdated:
        lines += [
            "",
            "```{warning}",
            "The lesson was edited after this run; the page shows the lesson as it was executed. Run "
            f"`workshop run {lesson.key}`, then `workshop site`.",
            "```",
        ]
    if lesson.state == FAILED:
        where = ' <a href="#failed-cell">Go to the cell that failed.</a>' if lesson.run["failed"] else ""
        message = COLOURS.sub("", lesson.run["message"]).replace("```", "'''")
        lines += [
            "",
            "`````{error}",
            f"This run failed; the cells below the failed one were not executed.{where}",
            "",
            "```text",
            message,
            "```",
            "`````",
        ]
    return lines


def _mark_the_failure(notebook: NotebookNode, lesson: Lesson) -> None:
    for index, cell in enumerate(notebook.cells):
        if lesson.run["failed"] and cell.id == lesson.run["failed"]:
            words = '<p id="failed-cell" class="failed-cell">The next cell failed in this run.</p>'
            notebook.cells.insert(index, new_markdown_cell(words, id="site-failed"))
            # Its error must be seen, also in a fold.
            cell.metadata["tags"] = [tag for tag in cell.metadata.get("tags", []) if not tag.startswith("hide-")]
            return


def _fold(cell: NotebookNode) -> None:
    """Fold an answer with its output, and the output that names the right choices."""
    tags = cell.metadata.get("tags", [])
    if "answer" in tags:
        cell.metadata["tags"] = [*tags, "hide-cell"]
        cell.metadata["mystnb"] = SOLUTION
    elif cell.id.endswith(QUESTIONS) and cell.outputs:
        cell.metadata["tags"] = [*tags, "hide-output"]
        cell.metadata["mystnb"] = ANSWERS


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return the outputs with neighbouring texts of the same stream as one."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _change_output(output: NotebookNode, pictures: Path, title: str) -> None:
    if "traceback" in output:
        output.traceback = [COLOURS.sub("", line) for line in output.traceback]
    if "text" in output:
        output.text = COLOURS.sub("", output.text)
    data = output.get("data", {})
    if "text/html" in data:
        html = THEME_OF_THE_LAB.sub("", data["text/html"])
        data["text/html"] = EMBEDDED.sub(lambda found: _as_file(found[1], found[2], pictures), html)
    if "image/png" in data:
        words = data.get("text/plain", f"Picture in {title}").replace('"', "'")
        source = _as_file("png", data.pop("image/png"), pictures)
        data["text/html"] = f'<img class="workshop-picture" alt="{words}" src="{source}">'
    if recording := recordings.of(output):
        data["text/html"] += recordings.link(recording, _as_file("webp", recording["webp"], pictures))


def pictures_of(cell: NotebookNode) -> list[tuple[str, str]]:
    """Return the text alternatives and addresses of the pictures that a code cell shows, in their order."""
    found = []
    for output in cell.get("outputs", []):
        for tag in PICTURE.findall(output.get("data", {}).get("text/html", "")):
            source, words = EMBEDDED.search(tag), ALT.search(tag)
            if source:
                found.append((unescape(words[1]) if words else "", _address(source[1], base64.b64decode(source[2]))))
    return found


def _as_file(kind: str, encoded: str, pictures: Path) -> str:
    """Write an embedded picture to a file, once; return its address for a page of a lesson."""
    content = base64.b64decode(encoded)
    address = _address(kind, content)
    pictures.mkdir(parents=True, exist_ok=True)
    (pictures / address.rpartition("/")[2]).write_bytes(content)
    return address


def _address(kind: str, content: bytes) -> str:
    return f"../{PICTURES}/{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
