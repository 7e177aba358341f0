"""What `workshop run` leaves of a lesson: its page, and the message of a failure."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from rich.console import Console
from workshop.notebook import execute
from workshop.notebook.execute import to_html

TEXT = (
    "Press <kbd>Shift</kbd>+<kbd>Enter</kbd>.\n\n<details><summary>Hint</summary>\n\nLook at the **key**.\n\n</details>"
)


@pytest.fixture(scope="module")
def page() -> str:
    return to_html(new_notebook(cells=[new_markdown_cell(TEXT)]), "a lesson")


def test_what_a_tag_encloses_stays_in_it(page: str) -> None:
    assert "<kbd>Shift</kbd>+<kbd>Enter</kbd>" in page
    hint = re.search(r"<details><summary>Hint</summary>(.*?)</details>", page, re.DOTALL)
    assert hint
    assert "<strong>key</strong>" in hint[1]


def test_it_is_read_without_a_network(page: str) -> None:
    assert re.findall(r"""<(?:script|link|img)\b[^>]*(?:src|href)=["']?https?:""", page) == []
    assert "@import" not in page


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (
            "from workshop.notebook import notebook_errors\n"
            "notebook_errors.install()\n"
            "raise ConnectionRefusedError(111, 'refused')",
            "No server answers.\n  in line 3: raise ConnectionRefusedError(111, 'refused')\n→ In a terminal",
        ),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
    ids=["expected", "unexpected"],
)
def test_a_failed_lesson_is_told_in_the_words_of_its_cell(tmp_path: Path, cell: str, told: str):
    notebook = new_notebook(cells=[new_code_cell(cell)])
    trouble = execute._execute(notebook, tmp_path / "lesson.ipynb", tmp_path / "log", Console(file=io.StringIO()))
    assert trouble.startswith(told)
