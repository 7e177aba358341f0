"""What is printed while `workshop down` waits: nothing at first, then the components that have not ended yet."""

from __future__ import annotations

from rich.console import Console

FIRST, AGAIN = 2.0, 10.0  # seconds until the first line, and between two lines about the same components


class Stopping:
    """Prints a line when a stop takes long, when fewer components are left, and now and then; see `Processes.stop`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._names: list[str] = []
        self._printed = 0.0

    def __call__(self, names: list[str], seconds: float) -> None:
        """Tell which components are waited for, and for how long so far."""
        same = names == self._names and self._printed <= seconds < self._printed + AGAIN
        if seconds < FIRST or same:
            return
        self._names, self._printed = names, seconds
        self._console.print(f"Waiting for {', '.join(names)} to stop ({seconds:.0f} s) …")
