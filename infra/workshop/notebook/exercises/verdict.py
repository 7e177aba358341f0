"""The verdict of a check, for attendees: a word, observation, expectation and hint."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

QUESTIONS = "q"
SIGNS = {"passed": "✓", "not yet": "✗", "unanswered": "○"}
COLOURS = {"passed": "#117733", "not yet": "#AA4499", "unanswered": "#888888"}


@dataclass(frozen=True)
class Verdict:
    """The verdict of one check.

    Attributes:
        exercise: its id, such as `00.1`, or `00.q` for the quick questions.
        word: `passed`, `not yet` or `unanswered`.
        lines: label and text, such as ("observed", "1 event").
        row: the lesson's exercises, with a tick at each passed one.
        name: the title of the exercise.
    """

    exercise: str
    word: str
    lines: tuple[tuple[str, str], ...]
    row: str
    name: str = ""

    @property
    def title(self) -> str:
        """The verdict in one line."""
        number = self.exercise.partition(".")[2]
        kind = "Quick questions" if number == QUESTIONS else f"Exercise {self.exercise}"
        about = f", {self.name}" if self.name and number != QUESTIONS else ""
        return f"{SIGNS[self.word]} {kind}{about}: {self.word}"

    def __str__(self) -> str:
        body = [f"  {label + ':':<10}{text}" if label else f"  {text}" for label, text in self.lines]
        return "\n".join([self.title, *body, f"  {self.row}"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colour = COLOURS[self.word]
        body = "".join(f"<div>{_label(label)}{_code(text)}</div>" for label, text in self.lines)
        return (
            f'<div style="border-left:5px solid {colour};padding:.4em 1em;line-height:1.6">'
            f'<div style="font-weight:bold">{escape(self.title)}</div>'  # the theme's own colour of text: legible in both
            f'{body}<div style="opacity:.7">{escape(self.row)}</div></div>'
        )


def _label(label: str) -> str:
    style = "display:inline-block;min-width:5.5em;opacity:.7"
    return f'<span style="{style}">{escape(label)}</span>' if label else ""


def _code(text: str) -> str:
    """Return the text as escaped HTML, with the parts between backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
