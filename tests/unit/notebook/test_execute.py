"""The page that `workshop run` leaves of a lesson."""

from __future__ import annotations

import re

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook
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
