"""What goes wrong, told to a person: what happened and what to do next."""

from __future__ import annotations


class WorkshopError(Exception):
    """A sentence that says what happened, and one that says what to do next.

    In a shell the command prints it and exits with 1; in a notebook it is shown in place of a traceback.
    """

    def __init__(self, happened: str, next_step: str = "", detail: str = "") -> None:
        super().__init__(" ".join(part for part in (happened, next_step) if part))
        self.happened, self.next_step, self.detail = happened, next_step, detail
        if detail:
            self.add_note(detail)  # a traceback shows it too: a failing test says why

    def lines(self) -> list[str]:
        """The message as lines: what happened, a detail such as the tail of a log, what to do next."""
        return [line for line in (self.happened, self.detail, self.next_step and f"→ {self.next_step}") if line]

    def _render_traceback_(self) -> list[str]:
        """IPython asks an exception for this before it formats a traceback."""
        return self.lines()
