"""A picture that changes while something happens: one place in the notebook, updated, and a still in the end."""

from __future__ import annotations

import time
from collections.abc import Callable

from IPython.display import Pretty, display

from workshop.notebook.pictures import Picture


class Live:
    """One place in a notebook that shows the latest picture."""

    def __init__(self, draw: Callable[[], Picture], every: float = 0.5) -> None:
        """Args: draw: makes the picture as of now; every: seconds that lie at least between two of them."""
        self._draw, self._every = draw, every
        self._shown_at = time.monotonic()
        self._place = display(draw(), display_id=True)

    def update(self) -> None:
        """Show the picture as of now, unless the last one is fresh."""
        if time.monotonic() - self._shown_at >= self._every:
            self._show(passing=True)

    def finish(self) -> None:
        """Show the picture as of now: the still that remains."""
        self._show(passing=False)

    def _show(self, *, passing: bool) -> None:
        picture = self._draw()
        picture.passing = passing
        if self._place is not None:  # None where nothing is shown, such as in a plain interpreter
            self._place.update(picture)
        self._shown_at = time.monotonic()


class Told:
    """One line in a notebook that grows by what is done, as soon as it begins."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._place = None

    def say(self, word: str) -> None:
        """This begins now."""
        self._said.append(word)
        line = Pretty(" → ".join(self._said))
        if self._place is None:
            self._place = display(line, display_id=True)
        else:
            self._place.update(line)
