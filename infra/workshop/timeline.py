"""Long work as steps: what is being waited for now, and in the end a time line of where the seconds went."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

WIDTH = 32
STARTED_AT = "WORKSHOP_STARTED_AT"  # bootstrap.sh sets it, in seconds since 1970, for its own share of the time line


@dataclass(frozen=True)
class Step:
    """A step that is over: its name, when it began and ended (seconds after the first), whether it came to its end."""

    name: str
    began: float
    ended: float
    done: bool

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


class Timeline:
    """The steps of one command, shown on a console as they happen."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.steps: list[Step] = []
        self._origin = time.monotonic()
        self._add_what_came_before()

    @contextmanager
    def step(self, name: str, total: int = 0) -> Iterator[Callable[[int], None]]:
        """Run a step; yields a function that is told of progress, in bytes if `total` is given."""
        began = time.monotonic()
        done = False
        with self._progress(total) as progress:
            task = progress.add_task(name, total=total or None)
            try:
                yield lambda amount: progress.update(task, advance=amount)
                done = True
                progress.update(task, total=total or 1, completed=total or 1)
            finally:
                progress.stop()
                step = Step(name, began - self._origin, time.monotonic() - self._origin, done)
                self.steps.append(step)
        self.console.print(Text.assemble(("✓ ", "green"), f"{name} ", (f"{step.seconds:.1f} s", "dim")))

    def say(self, text: str) -> None:
        """Print a line between steps."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def show(self) -> None:
        """Print where the seconds went: a bar a step, on one time axis."""
        if not self.steps:
            return
        end = max(step.ended for step in self.steps)
        widest = max(len(step.name) for step in self.steps)
        self.console.print("\nWhere the seconds went")
        for step in self.steps:
            bar = (_bar(step, end), "cyan")
            self.console.print(Text.assemble(f"{step.name:<{widest}}  ", bar, f" {step.seconds:5.1f} s"), no_wrap=True)
        self.console.print(Text(f"{'in all':<{widest}}  {'':<{WIDTH}} {end:5.1f} s", style="bold"), no_wrap=True)

    def _progress(self, total: int) -> Progress:
        amount = [BarColumn(WIDTH), DownloadColumn()] if total else []
        columns = [SpinnerColumn(), TextColumn("{task.description}"), *amount, TimeElapsedColumn()]
        # Without a terminal there is nothing to redraw: the line that ends the step is enough.
        return Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)

    def _add_what_came_before(self) -> None:
        started = os.environ.pop(STARTED_AT, "")
        if started.isdigit() and 0 < (before := time.time() - int(started)) < 3600:
            self._origin -= before
            self.steps.append(Step("environment", 0.0, before, True))


def _bar(step: Step, end: float) -> str:
    left = min(WIDTH - 1, round(WIDTH * step.began / end))
    length = max(1, round(WIDTH * step.seconds / end))
    return (" " * left + "━" * length)[:WIDTH].ljust(WIDTH)
