"""Live pictures: one output of a notebook that is updated during an experiment."""

from __future__ import annotations

import time
from collections.abc import Callable

from IPython.display import Pretty, display

from workshop.notebook.pictures import Picture


class Live:
    """One output of a notebook that shows the latest picture."""

    def __init__(self, draw: Callable[[], Picture], every: float = 0.5) -> None:
        """Args: draw: returns the current picture; every: minimum number of seconds between two pictures."""
        self._draw, self._every = draw, every
        self._shown_at = time.monotonic()
        self._place = display(draw(), display_id=True)

    def update(self) -> None:
        """Show the current picture, unless the last one is newer than `every` seconds."""
        if time.monotonic() - self._shown_at >= self._every:
            self._show(passing=True)

    def finish(self) -> None:
        """Show the current picture, in the quality of a still."""
        self._show(passing=False)

    def _show(self, *, passing: bool) -> None:
        picture = self._draw()
        picture.passing = passing
        if self._place is not None:  # None without a display, such as in a plain interpreter
            self._place.update(picture)
        self._shown_at = time.monotonic()


class Told:
    """One line of output that lists the steps of an experiment as they start."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._place = None

    def say(self, word: str) -> None:
        """Append a step to the line."""
        self._said.append(word)
        line = Pretty(" → ".join(self._said))
        if self._place is None:
            self._place = display(line, display_id=True)
        else:
            self._place.update(line)
