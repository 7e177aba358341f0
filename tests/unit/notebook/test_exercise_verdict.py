"""A verdict as text and as a page."""

from __future__ import annotations

import pytest
from workshop.notebook.exercises.verdict import COLOURS, SIGNS, Verdict

VERDICT = Verdict("00.1", "not yet", (("observed", "1 <event>"), ("", "call `send()`, then `flush()`")), "○ 00.1")


def test_the_text_has_the_labels_in_one_column():
    assert str(VERDICT).splitlines() == [
        "✗ Exercise 00.1: not yet",
        "  observed: 1 <event>",
        "  call `send()`, then `flush()`",
        "  ○ 00.1",
    ]
    assert repr(VERDICT) == str(VERDICT)


def test_the_page_is_escaped_and_shows_code():
    page = VERDICT._repr_html_()
    assert "1 &lt;event&gt;" in page
    assert "call <code>send()</code>, then <code>flush()</code>" in page
    assert COLOURS["not yet"] in page


@pytest.mark.parametrize("text", ["`open", "a ` b", "`<b>`"])
def test_backticks_never_let_a_tag_through(text: str):
    page = Verdict("00.1", "passed", (("observed", text),), "")._repr_html_()
    assert "<b>" not in page


def test_each_word_has_a_sign_and_a_colour():
    assert SIGNS.keys() == COLOURS.keys()
