"""Runs the programs that build: what they say goes into a log, and a Ctrl-C ends them with all their children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from workshop.base.processes import interrupts_deferred as interrupts_deferred

GRACE = 5.0  # seconds from the polite signal to the one that cannot be refused
LOG_END = 64_000  # bytes of a log that are looked at for its last lines


class BuildFailed(Exception):
    """A step cannot go on: a program ended with another code than 0, or a source is not what it must be."""


class Shell:
    """Runs programs one after the other, in one environment, with one log."""

    def __init__(self, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.log = log
        self.env = {**os.environ, **(env or {})}
        log.parent.mkdir(parents=True, exist_ok=True)

    def run(self, *argv: str | Path, cwd: Path = Path("/")) -> None:
        """Run a program to its end.

        Raises:
            BuildFailed: it is not there, or ended with another code than 0.
        """
        with self.log.open("ab") as output:
            self._finish(argv, self._start(argv, cwd, stdout=output, stderr=output), output)

    def read(self, *argv: str | Path, cwd: Path = Path("/")) -> str:
        """Run a program to its end; returns what it printed, while its errors go into the log."""
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
        """The end of the log."""
        try:
            return "\n".join(self.log.read_bytes()[-LOG_END:].decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def _start(self, argv: tuple[str | Path, ...], cwd: Path, **pipes: Any) -> subprocess.Popen:
        # A session of its own: then one signal ends the program with its children, and a terminal's Ctrl-C is ours alone.
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
            log.write(printed or b"")  # some say there what went wrong
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
