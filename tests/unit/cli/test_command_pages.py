"""The page docs/commands.md is what the parser generates."""

from __future__ import annotations

from pathlib import Path

from workshop.cli.command_pages import page

ROOT = Path(__file__).resolve().parents[3]


def test_the_commands_page_is_up_to_date():
    written = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert written == page(), "run `.venv/bin/python -m workshop.cli.command_pages > docs/commands.md`"


def test_the_page_has_nested_commands_and_required_options():
    text = page()
    assert "## `workshop kind build-image`" in text
    assert "Give exactly one of `--activity`, `--event`." in text
    assert "| `--topic TOPIC` | the topic's name. Required. |" in text
