"""Process trees: start a process that is killed with its agent, find a whole tree, and kill it."""

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
    """Prepare a child between fork and exec: the kernel kills it when its parent ends, for any reason.

    SIGINT and SIGQUIT get their default actions: a program that a shell started in the background ignores them, and its
    children inherit that. The timer slack is reset: late timeouts (`workshop.base.timer_slack`) are acceptable in the agent,
    but not in a pod.
    """
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(PR_SET_TIMERSLACK, USUAL, 0, 0, 0)


_seen: tuple[float, set[int], dict[int, list[int]]] = (0.0, set(), {})


def children_of_all(max_age: float = 0.0) -> dict[int, list[int]]:
    """Return the children of all processes, by the id of their parent.

    A scan of /proc takes milliseconds. A result up to `max_age` seconds old is returned again. With a `max_age`, an older one
    is also reused while the same processes run: the parent of a process changes only when the parent ends.
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
    """Return a process and all its descendants."""
    children = children_of_all(max_age)
    tree, ahead = [], [root]
    while ahead:
        process = ahead.pop()
        tree.append(process)
        ahead.extend(children.get(process, []))
    return tree


def resident(processes: Iterable[int]) -> int:
    """Return the private memory of these processes in bytes."""
    return sum(proc.own_memory(process) for process in processes)


def kill(processes: Iterable[int], number: int = signal.SIGKILL) -> None:
    """Send a signal to each process; skip those that have ended."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def own(terminal: int) -> None:
    """Prepare a child between fork and exec: its session gets this terminal, so that Ctrl-C works."""
    die_with_parent()
    with contextlib.suppress(OSError):  # depending on the event loop, it is already the leader of its session
        os.setsid()
    with contextlib.suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


async def start(
    argv: list[str], env: dict[str, str], cwd: Path, *, tty: bool = False, **pipes: Any
) -> asyncio.subprocess.Process:
    """Start a process in a session of its own; it is killed when this process ends.

    Args:
        tty: whether its standard input, a descriptor, is a terminal.

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
        # The system also reports this for a name that it did not find if one of the folders in PATH is not readable.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0]) from error


def sweep(mark: str, value: str) -> None:
    """Kill all processes whose environment has `mark=value`.

    They are leftovers of a killed parent, or detached from the tree.
    """
    kill(number for number in proc.numbers() - {os.getpid()} if proc.variable(number, mark) == value)
