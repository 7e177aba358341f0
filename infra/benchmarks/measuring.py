"""Helpers of the benchmarks: duration of calls and commands, memory of processes, suppressed output."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

import psutil
from workshop.base.errors import WorkshopError
from workshop.base.waiting import wait_until

Values = Iterator[tuple[str, float]]  # what a benchmark yields: name of the figure, value


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of a call in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def seconds_until(condition: Callable[[], bool], what: str, timeout: float = 120) -> float:
    """Return the seconds until a condition is true."""
    began = time.perf_counter()
    wait_until(condition, timeout, what, every=0.02)
    return time.perf_counter() - began


def timed(env: dict[str, str], *words: str) -> float:
    """Return the duration in seconds of the command `workshop` with these arguments.

    Raises:
        WorkshopError: the command failed.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "workshop.cli.main", *words], env=env, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise WorkshopError(
            f"`workshop {' '.join(words)}` ended with exit code {done.returncode}.", detail=done.stderr[-2000:]
        )
    return time.perf_counter() - began


def memory_mb(processes: Iterable[psutil.Process]) -> float:
    """Return the proportional set size of processes in MB: shared memory is divided among its users."""
    return sum(process.memory_full_info().pss for process in processes) / 1e6


def unseen() -> AbstractContextManager:
    """Suppress output: outside of a notebook, a lesson's pictures are printed as names of objects."""
    return contextlib.redirect_stdout(io.StringIO())
