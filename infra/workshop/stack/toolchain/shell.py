"""Runner for build programs: output goes into a log, and Ctrl-C ends a program with its children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from workshop.base.environment import inherited
from workshop.base.processes import interrupts_deferred as interrupts_deferred

GRACE = 5.0  # seconds from SIGTERM to SIGKILL
LOG_END = 64_000  # bytes at the end of a log that are read for its last lines


class BuildFailed(Exception):
    """A step failed: a program ended with a nonzero exit code, or a source does not match its pin."""


class Shell:
    """Runs programs one after the other, with one environment and one log."""

    def __init__(self, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.log = log
        self.env = inherited(**(env or {}))
        log.parent.mkdir(parents=True, exist_ok=True)

    def run(self, *argv: str | Path, cwd: Path = Path("/")) -> None:
        """Run a program and wait for its end.

        Raises:
            BuildFailed: the program is missing or ended with a nonzero exit code.
        """
        with self.log.open("ab") as output:
            self._finish(argv, self._start(argv, cwd, stdout=output, stderr=output), output)

    def read(self, *argv: str | Path, cwd: Path = Path("/")) -> str:
        """Run a program and return its output; its standard error goes into the log.

        Raises:
            BuildFailed: the program is missing or ended with a nonzero exit code.
        """
        with self.log.open("ab") as errors:
            child = self._start(argv, cwd, stdout=subprocess.PIPE, stderr=errors)
            return self._finish(argv, child, errors).decode()

    @contextmanager
    def background(self, *argv: str | Path, cwd: Path = Path("/")) -> Iterator[subprocess.Popen]:
        """Keep a program running during the block."""
        with self.log.open("ab") as output:
            child = self._start(argv, cwd, stdout=output, stderr=output)
            try:
                yield child
            finally:
                _end(child)

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the log."""
        try:
            return "\n".join(self.log.read_bytes()[-LOG_END:].decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def _start(self, argv: tuple[str | Path, ...], cwd: Path, **pipes: Any) -> subprocess.Popen:
        # A session of its own: one signal ends the program with its children, and Ctrl-C reaches only this process.
        with interrupts_deferred():
            try:
                return subprocess.Popen(
                    argv, cwd=cwd, env=self.env, stdin=subprocess.DEVNULL, start_new_session=True, **pipes
                )
            except FileNotFoundError as error:
                raise BuildFailed(f"{argv[0]} is not there") from error

    def _finish(self, argv: tuple[str | Path, ...], child: subprocess.Popen, log: BinaryIO) -> bytes:
        try:
            printed, _ = child.communicate()
        except BaseException:
            _end(child)
            raise
        if child.returncode:
            log.write(printed or b"")  # some programs report errors on standard output
            log.flush()
            words = " ".join(Path(word).name if index == 0 else str(word) for index, word in enumerate(argv[:3]))
            raise BuildFailed(f"`{words} …` ended with {child.returncode}")
        return printed or b""


def _end(child: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)
            return
