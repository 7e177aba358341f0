"""Leftover processes of a run, which an interrupted test could not stop; they are found by the run's folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import psutil

GRACE = 10.0  # seconds between SIGTERM and SIGKILL


def end(folder: Path) -> list[str]:
    """Stop all processes that use this run's folder; return their shortened command lines."""
    own = {process.pid for process in psutil.Process().parents()} | {psutil.Process().pid}
    found = [process for process in psutil.process_iter() if process.pid not in own and _works_in(process, folder)]
    said = [_command(process) for process in found]
    for process in found:
        _signalled(process, psutil.Process.terminate)
    _, deaf = psutil.wait_procs(found, GRACE)
    for process in deaf:
        _signalled(process, psutil.Process.kill)
    psutil.wait_procs(deaf, GRACE)
    return said


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        places = [process.cwd(), process.environ().get("WORKSHOP_SUITE", ""), *process.cmdline()]
    except psutil.Error:
        return False
    return any(place == str(folder) or place.startswith(f"{folder}/") for place in places)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:120]
    except psutil.Error:
        return process.name()


def _signalled(process: psutil.Process, send: Callable[[psutil.Process], None]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        send(process)
