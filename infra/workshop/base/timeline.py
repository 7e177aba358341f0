"""Progress of long work as steps, with a time line of their durations at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from workshop.base.settings import started_at

WIDTH = 32
QUIET = 5.0  # seconds between two lines about a wait, without a terminal


@dataclass(frozen=True)
class Step:
    """A finished step: name, start and end in seconds after the first start, and whether it succeeded."""

    name: str
    began: float
    ended: float
    done: bool

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return self.ended - self.began


class Running:
    """The display of a step in progress."""

    def __init__(self, name: str, progress: Progress, task: TaskID) -> None:
        self._name, self._progress, self._task = name, progress, task
        self._told, self._told_at = "", time.monotonic()

    def __call__(self, amount: int) -> None:
        """Advance the display by this amount."""
        self._progress.update(self._task, advance=amount)

    def tell(self, text: str) -> None:
        """Show a text about the wait: beside the step's name, or without a terminal as a line now and then."""
        console = self._progress.console
        if console.is_terminal:
            self._progress.update(self._task, description=f"{self._name}: {text}")
        elif text != self._told and time.monotonic() - self._told_at > QUIET:
            self._told, self._told_at = text, time.monotonic()
            console.print(f"… {text}", highlight=False, markup=False, soft_wrap=True)


class Timeline:
    """The steps of one command, shown on a console as they happen."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.steps: list[Step] = []
        self._origin = time.monotonic()
        self._add_what_came_before()

    @contextmanager
    def step(self, name: str, total: int = 0) -> Iterator[Running]:
        """Run a step; yield its display.

        Args:
            total: the amount of work in bytes, if it is known.
        """
        began = time.monotonic()
        done = False
        with self._progress(total) as progress:
            task = progress.add_task(name, total=total or None)
            try:
                yield Running(name, progress, task)
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
        """Print the time line: one bar per step on a common time axis."""
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
        # Without a terminal nothing can be redrawn: the line at the end of the step is enough.
        return Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)

    def _add_what_came_before(self) -> None:
        started = started_at()
        if started and 0 < (before := time.time() - started) < 3600:
            self._origin -= before
            self.steps.append(Step("environment", 0.0, before, True))


def _bar(step: Step, end: float) -> str:
    left = min(WIDTH - 1, round(WIDTH * step.began / end))
    length = max(1, round(WIDTH * step.seconds / end))
    return (" " * left + "━" * length)[:WIDTH].ljust(WIDTH)
