"""Trees of processes: how one is started so that it dies with its agent, and how all of it is found and ended."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import shutil
import signal
import termios
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workshop.base.timer_slack import PR_SET_TIMERSLACK, USUAL

from node_agent.processes import proc

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """In a child between fork and exec: be killed when the process that started it ends, however that ends.

    And heed Ctrl-C: who was started in the background by a shell ignores it, and so would its children from birth.
    The agent's timeouts may come late (`workshop.base.timer_slack`), a pod's not: what it waits for may be short.
    """
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(PR_SET_TIMERSLACK, USUAL, 0, 0, 0)


_seen: tuple[float, set[int], dict[int, list[int]]] = (0.0, set(), {})


def children_of_all(max_age: float = 0.0) -> dict[int, list[int]]:
    """Every process' children, by their parent's number.

    To look costs milliseconds. Who may live with an answer that is `max_age` seconds old gets the last one for so long, and
    for as long as the same processes run: a process' parent changes only when that ends.
    """
    global _seen
    looked, known, children = _seen
    if time.monotonic() - looked > max_age:
        numbers = proc.numbers()
        if not max_age or numbers != known:
            children = {}
            for number in numbers:
                if process := proc.process(number):
                    children.setdefault(process.parent, []).append(number)
        _seen = (time.monotonic(), numbers, children)
    return children


def whole(root: int, max_age: float = 0.0) -> list[int]:
    """A process and everything below it."""
    children = children_of_all(max_age)
    tree, ahead = [], [root]
    while ahead:
        process = ahead.pop()
        tree.append(process)
        ahead.extend(children.get(process, []))
    return tree


def resident(processes: Iterable[int]) -> int:
    """Bytes that these processes have for themselves."""
    return sum(proc.own_memory(process) for process in processes)


def kill(processes: Iterable[int], number: int = signal.SIGKILL) -> None:
    """Send each a signal; those that are gone are passed by."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def own(terminal: int) -> None:
    """In a child between fork and exec: let its session own this terminal, so that Ctrl-C reaches what runs in it."""
    die_with_parent()
    with contextlib.suppress(OSError):  # it leads its session already, or will in a moment: that depends on the loop
        os.setsid()
    with contextlib.suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


async def start(
    argv: list[str], env: dict[str, str], cwd: Path, *, tty: bool = False, **pipes: Any
) -> asyncio.subprocess.Process:
    """Start a process in a session of its own that dies with this one.

    Args:
        tty: its standard input, a descriptor, is a terminal.

    Raises:
        OSError: it cannot be started: not found, not executable, no such folder.
    """
    prepare = functools.partial(own, pipes["stdin"]) if tty else die_with_parent
    try:
        return await asyncio.create_subprocess_exec(
            *argv, env=env, cwd=cwd, start_new_session=True, preexec_fn=prepare, **pipes
        )
    except PermissionError as error:
        if os.sep in argv[0] or shutil.which(argv[0], path=env.get("PATH")):
            raise
        # The system says so, too, of a name that it found nowhere, if it was not allowed to look into one of the folders.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0]) from error


def sweep(mark: str, value: str) -> None:
    """End every process whose environment has `mark=value`: what was left by who was killed, or went out of the tree."""
    kill(number for number in proc.numbers() - {os.getpid()} if proc.variable(number, mark) == value)
