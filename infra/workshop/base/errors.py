"""Errors for the user, with the fact and the next command."""

from __future__ import annotations


class WorkshopError(Exception):
    """An error with two sentences for the user: what happened, and what to do next.

    In a shell, the command prints them and exits with 1. A notebook shows them in place of a traceback.
    """

    def __init__(self, happened: str, next_step: str = "", detail: str = "") -> None:
        super().__init__(" ".join(part for part in (happened, next_step) if part))
        self.happened, self.next_step, self.detail = happened, next_step, detail
        if detail:
            self.add_note(detail)  # so that the traceback of a failing test contains it

    def lines(self) -> list[str]:
        """Return the message as lines: what happened, a detail such as the tail of a log, what to do next."""
        return [line for line in (self.happened, self.detail, self.next_step and f"→ {self.next_step}") if line]

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython prints in place of a traceback."""
        return self.lines()
