"""Live pictures: one output of a notebook that is updated during an experiment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from IPython.core.getipython import get_ipython
from IPython.display import Pretty, display

from workshop.notebook.pictures import Picture
from workshop.stack.faults import Steps, Unshown


class Live:
    """One output of a notebook that shows the latest picture."""

    def __init__(self, draw: Callable[[], Picture], every: float = 0.5) -> None:
        """Args: draw: returns the current picture; every: minimum number of seconds between two pictures."""
        self._draw, self._every = draw, every
        self._shown_at, self._cost = time.monotonic(), 0.0
        self._place = display(draw(), display_id=True)

    def update(self) -> None:
        """Show the current picture, unless the last one is newer than `every` seconds.

        On a busy machine drawing is slow; then at least as much time is left to the experiment as to the pictures.
        """
        if time.monotonic() - self._shown_at >= max(self._every, self._cost):
            self._show(passing=True)

    def show(self) -> None:
        """Show the current picture at once: a moment that must be seen, also on a busy machine."""
        self._show(passing=True)

    def finish(self) -> None:
        """Show the current picture, in the quality of a still."""
        self._show(passing=False)

    def _show(self, *, passing: bool) -> None:
        began = time.monotonic()
        picture = self._draw()
        picture.passing = passing
        if self._place is not None:  # None without a display, such as in a plain interpreter
            self._place.update(picture)
        self._shown_at = time.monotonic()
        self._cost = self._shown_at - began


class Told:
    """One line of output that lists the steps of an experiment as they start."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._place = None

    @property
    def started(self) -> bool:
        """Whether the line has a step."""
        return bool(self._said)

    def say(self, word: str) -> None:
        """Append a step to the line."""
        self._said.append(word)
        self._show()

    def now(self, word: str) -> None:
        """Put other words in place of the last step."""
        if self._said[-1:] != [word]:
            self._said[-1:] = [word]
            self._show()

    def _show(self) -> None:
        line = Pretty(" → ".join(self._said))
        if self._place is None:
            self._place = display(line, display_id=True)
        else:
            self._place.update(line)


@contextmanager
def told_if_slow(line: str, after: float = 2.0) -> Iterator[None]:
    """Show a line if the block takes longer than the given seconds, and "done" at its end; a quick block shows nothing."""
    told, ended = Told(), False
    timer = threading.Timer(after, told.say, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
        ended = True
    finally:
        timer.cancel()
        timer.join()  # it may be showing the line
        if told.started and ended:
            told.say("done")


def steps() -> Steps:
    """Return a line of output for the steps of a repair; outside a notebook they are not shown."""
    return Told() if get_ipython() else Unshown()
