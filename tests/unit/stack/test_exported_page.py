"""Exported pages: what lessons consist of stays, what runs in a browser goes. nbconvert makes the pages."""

from __future__ import annotations

import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from traitlets.config import Config
from workshop.notebook.exercises import Verdict
from workshop.notebook.pictures import Picture, figure
from workshop.stack import lab
from workshop.stack.exported_page import clean_html

TEXT = (
    "# Start here\n\nPress <kbd>Enter</kbd>.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    "<details><summary>Hint 1</summary>\n\nUse `send`.\n\n</details>"
)


def page(sanitize: bool) -> str:
    """Return the main part of a page, as the server of JupyterLab exports it with its configuration."""
    drawn = Picture(figure()[0], "one payment")._repr_mimebundle_()
    verdict = Verdict("00.1", "passed", (("observed", "`x` is there"),), "")._repr_html_()
    shown = [new_output("display_data", data=drawn), new_output("display_data", data={"text/html": verdict})]
    notebook = new_notebook(cells=[new_markdown_cell(TEXT), new_code_cell("1 < 2", outputs=shown)])
    exporter = HTMLExporter(config=Config(lab.SERVER))
    exporter.sanitize_html = sanitize
    return exporter.from_notebook_node(notebook)[0].partition("<main>")[2]


@pytest.mark.parametrize("sanitize", [True, False])
def test_a_lesson_is_readable_on_the_exported_page(sanitize: bool):
    exported = page(sanitize)
    for part in ("<h1 ", "<kbd>", "<table>", "<th>", "<details>", "<summary>", "<img ", "data:image/png;base64,"):
        assert part in exported
    for part in ("max-width", "border-left:", "One payment.</div>", "<code>x</code>"):
        assert part in exported
    assert "&lt;h1" not in exported
    assert "&lt;img" not in exported
    assert "[data-jp-theme" not in exported.replace(lab_style(exported), ""), "a style sheet became text"


def lab_style(exported: str) -> str:
    return exported[exported.find("<style>") : exported.find("</style>")] if "<style>" in exported else ""


@pytest.mark.parametrize(
    ("page", "left"),
    [
        ("<p>a<script>alert(1)</script></p>", "<p>a</p>"),
        ("<STYLE>p{}</STYLE >b", "b"),
        ('<img src="x" onerror="alert(1)">', '<img src="x">'),
        ('<a href="javascript:alert(1)">c</a>', "<a>c</a>"),
        ('<a href="data:text/html,x">c</a>', "<a>c</a>"),
        ('<form action="/x"><b>d</b></form>', "<b>d</b>"),
        (b"<p>e</p>", "<p>e</p>"),
        ("1 &lt; 2", "1 &lt; 2"),
    ],
)
def test_what_could_run_is_removed(page: str | bytes, left: str):
    assert clean_html(page) == left
