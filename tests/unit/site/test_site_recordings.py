"""The link to a recording below the picture in which it ends."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from website import notebooks, recordings
from website.lessons import Lesson

WEBP = b"RIFF webp"
PICTURE = f'<img class="workshop-picture" alt="no gap" src="data:image/png;base64,{base64.b64encode(b"png").decode()}">'
STORED = {"webp": base64.b64encode(WEBP).decode(), "seconds": 13.5, "lasted": 95.2, "frames": 100}


def page_with(metadata: dict, folder: Path) -> str:
    """Return the HTML of a page's only output."""
    output = new_output("display_data", data={"text/html": PICTURE}, metadata=metadata)
    notebook = new_notebook(cells=[new_markdown_cell("# 03"), new_code_cell("kill()", outputs=[output])])
    lesson = Lesson(notebook, "03_replication", "03", None, "", "", False)
    return notebooks.page(lesson, [], folder).cells[-1].outputs[0].data["text/html"]


def test_a_recording_is_a_file_with_a_link_below_its_picture(tmp_path: Path):
    html = page_with({"workshop": {"recording": STORED}}, tmp_path)
    file = next(tmp_path.glob("*.webp"))
    assert file.read_bytes() == WEBP
    picture, _, below = html.partition("<p ")
    assert 'alt="no gap"' in picture
    assert below == (
        f'class="recording"><a href="../_pictures/{file.name}" data-seconds="13.5">Recording: 95 seconds in 14</a></p>'
    )


def test_a_picture_without_a_recording_has_no_link(tmp_path: Path):
    assert "recording" not in page_with({}, tmp_path)
    assert not list(tmp_path.glob("*.webp"))


@pytest.mark.parametrize(
    ("lasted", "seconds", "words"), [(95.2, 13.5, "95 seconds in 14"), (6.0, 7.5, "8 seconds"), (8.0, 8.0, "8 seconds")]
)
def test_the_speed_is_named_if_it_is_higher(lasted: float, seconds: float, words: str):
    assert recordings.words({"lasted": lasted, "seconds": seconds}) == words
