"""A program that sends load beside a notebook, in a process of its own, so that drawing pictures does not delay it.

It ends when its standard input ends, and so with the process that started it; what is in progress is completed first.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from workshop.base.errors import WorkshopError


class Beside:
    """A module of Python that runs beside this process; the constructor returns when it is ready."""

    def __init__(self, module: str, *words: str) -> None:
        """Start it.

        Raises:
            WorkshopError: it ended before it was ready.
        """
        # In a separate session: Ctrl-C ends the cell or the command, which then ends the program.
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdin is not None  # pipes
        assert self.process.stdout is not None
        self._input, self.output = self.process.stdin, self.process.stdout
        if not self.output.readline():
            self.end(10)
            raise WorkshopError(f"The program {module} ended right after its start.", "Run `workshop doctor`.")

    @property
    def runs(self) -> bool:
        """Whether it is still running."""
        return self.process.poll() is None

    def leave(self) -> None:
        """Let it send nothing more."""
        self._input.close()

    def end(self, seconds: float) -> None:
        """Wait at most so many seconds for what is in progress, then kill it."""
        self.leave()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()


def ready() -> asyncio.Event:
    """In the program, within its event loop: report that it is ready; return the event of its input's end."""
    left = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), left.set)
    print("ready", flush=True)
    return left
