"""Output of `workshop down` while it waits: nothing at first, then the components that still run."""

from __future__ import annotations

from rich.console import Console

FIRST, AGAIN = 2.0, 10.0  # seconds before the first line, and between two lines about the same components


class Stopping:
    """Progress display for `Processes.stop`.

    It prints a line after `FIRST` seconds, when the components change, and every `AGAIN` seconds.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._names: list[str] = []
        self._printed = 0.0

    def __call__(self, names: list[str], seconds: float) -> None:
        """Print the components that still run and the seconds waited so far, if a line is due."""
        same = names == self._names and self._printed <= seconds < self._printed + AGAIN
        if seconds < FIRST or same:
            return
        self._names, self._printed = names, seconds
        self._console.print(f"Waiting for {', '.join(names)} to stop ({seconds:.0f} s) …")
