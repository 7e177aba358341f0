"""Start and stop of a stack's processes.

A component is plain data. A running component is recognised by a mark in its environment, which is set at its start, or by
its pid and start time. A name or a pid alone is not enough: a pid file may be stale, and another process may have its pid.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from workshop.base import timer_slack
from workshop.base.errors import WorkshopError
from workshop.base.files import read_record, write_atomically

MARK = "WORKSHOP_COMPONENT"
SUPERVISOR = Path(__file__).resolve().parent / "supervisor.py"
MARKED_PID = "WORKSHOP_COMPONENT_PID"
LOG_LIMIT = 20_000_000  # bytes after which a log is renamed to .log.1 at the next start
KILLED_WITHIN = 10  # seconds to wait for the end of a killed process
LOOK = 0.02  # seconds between two checks of processes that are ending
Waiting = Callable[[list[str], float], None]  # arguments: the components that still run, and the seconds waited so far


def nobody(names: list[str], seconds: float) -> None:
    """Ignore the progress of a wait."""


@dataclass(frozen=True)
class Component:
    """A process to run: its name, arguments, environment, stop signal and grace period in seconds.

    Attributes:
        saved: a file that the process writes when all its data are complete on disk. From then on it may be killed, once
            every other component with such a file has written it or has ended.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ports: tuple[int, ...] = ()
    grace: float = 15.0
    stop_signal: int = signal.SIGTERM
    slack: float = 0.0  # seconds by which its timers may fire late
    saved: Path | None = None


def kept_running(component: Component) -> Component:
    """Return the component with the supervisor, which restarts it and kills its leftover children."""
    argv = (sys.executable, "-I", "-S", str(SUPERVISOR), *component.argv)
    return replace(component, argv=argv, grace=component.grace + 5)


class Lasting(subprocess.Popen):
    """A process that outlives its parent on purpose, so the warning that it still runs is left out."""

    def __del__(self) -> None:
        pass


class Processes:
    """The processes of one state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def log(self, name: str) -> Path:
        """Return the file with a component's output."""
        return self.state / "logs" / f"{name}.log"

    def start(self, component: Component) -> psutil.Process:
        """Start a component unless it runs already. It outlives this process and its terminal."""
        if running := self.running().get(component.name):
            return running
        log = self._fresh_log(component.name)
        # The shell replaces itself by the program, so the mark contains the program's pid. Children inherit the mark, but
        # their own pids differ from it.
        wrapper = ["/bin/sh", "-c", f'{MARKED_PID}=$$ exec "$0" "$@"', *component.argv]
        env = {**component.env, MARK: self._mark(component.name)}
        with log.open("ab") as output, interrupts_deferred(), timer_slack.inherited(component.slack):
            child = Lasting(
                wrapper,
                env=env,
                cwd=component.cwd or self.state,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            _children.append(child)
            process = psutil.Process(child.pid)
            record = {
                "pid": child.pid,
                "started": process.create_time(),
                "ports": component.ports,
                "grace": component.grace,
                "stop_signal": int(component.stop_signal),
                "saved": str(component.saved or ""),
            }
            write_atomically(self._record(component.name), json.dumps(record))
        return process

    def running(self) -> dict[str, psutil.Process]:
        """Return the running components by name: those with a valid record, and those with the mark."""
        found = {name: process for name in self._recorded() if (process := self._from_record(name))}
        prefix = self._mark("")
        for process in psutil.process_iter():
            if (name := _marked_name(process, prefix)) and name not in found:
                found[name] = process
        return found

    def listening(self) -> set[int]:
        """Return the ports on which running components or their children accept connections."""
        found: set[int] = set()
        for name, process in self.running().items():
            with contextlib.suppress(psutil.Error):
                for one in (process, *process.children(recursive=True)):
                    found |= _listens_on(one, self._ports(name))
        return found

    def lives(self, name: str) -> bool:
        """Return whether a component runs, from its record alone: fast enough to call while others start."""
        return self.recorded(name) is not None

    def recorded(self, name: str) -> psutil.Process | None:
        """Return the process of a running component, from its record alone, or None."""
        return self._from_record(name)

    def stop(self, names: Iterable[str], *, at_once: bool = False, waiting: Waiting = nobody) -> list[str]:
        """Stop components: send all of them their stop signal, and SIGKILL after their grace period.

        Args:
            at_once: send SIGKILL immediately.
            waiting: called repeatedly with the names of the components that still run.

        Returns:
            The names of the components that ran.
        """
        names, running = list(names), self.running()
        ending = {name: running[name] for name in names if name in running}
        for name, process in ending.items():
            _send(process, signal.SIGCONT)
            _send(process, signal.SIGKILL if at_once else self._stop_signal(name))
        self._see_off(ending, waiting)
        for name in names:
            self._record(name).unlink(missing_ok=True)
        _children[:] = [child for child in _children if child.poll() is None]
        return list(ending)

    def _see_off(self, ending: Mapping[str, psutil.Process], waiting: Waiting) -> None:
        """Wait until all have ended. Kill those whose grace period is over, and those whose data are saved."""
        began, left = time.monotonic(), dict(ending)
        graces, saved = {name: self._grace(name) for name in left}, {name: self._saved(name) for name in left}
        while left := {name: process for name, process in left.items() if not _is_over(process)}:
            waited = time.monotonic() - began
            waiting(list(left), waited)
            late = {name for name in left if waited > graces[name]}
            for name in late | _all_saved({name: saved[name] for name in left}):
                _send(left[name], signal.SIGKILL)
                _gone(left.pop(name), KILLED_WITHIN)
            time.sleep(LOOK)

    def signal(self, name: str, number: int) -> psutil.Process:
        """Send a signal to a component.

        Raises:
            WorkshopError: the component does not run.
        """
        process = self.running().get(name)
        if process is None:
            raise WorkshopError(f"{name} does not run.", "`workshop status` lists the running processes.")
        _send(process, number)
        if number == signal.SIGKILL:
            _gone(process, 10)
        return process

    def tail(self, name: str, lines: int = 20) -> str:
        """Return the end of a component's log."""
        try:
            with self.log(name).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 64_000))
                end = file.read().decode(errors="replace").splitlines()
                return "\n".join(end[-lines:] if lines > 0 else [])
        except FileNotFoundError:
            return ""

    def _fresh_log(self, name: str) -> Path:
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        return log

    def _mark(self, name: str) -> str:
        return f"{self.state}:{name}"

    def _record(self, name: str) -> Path:
        return self.state / "components" / f"{name}.json"

    def _recorded(self) -> list[str]:
        return sorted(path.stem for path in (self.state / "components").glob("*.json"))

    def _read(self, name: str) -> dict:
        return read_record(self._record(name))

    def _from_record(self, name: str) -> psutil.Process | None:
        record = self._read(name)
        try:
            process = psutil.Process(int(record.get("pid", 0)))
            same = abs(process.create_time() - float(record.get("started", 0))) < 0.1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.Error, ValueError, TypeError):
            return None

    def _grace(self, name: str) -> float:
        try:
            return float(self._read(name).get("grace", 15.0))
        except (TypeError, ValueError):
            return 15.0

    def _ports(self, name: str) -> set[int]:
        ports = self._read(name).get("ports")
        return {port for port in ports if isinstance(port, int)} if isinstance(ports, list) else set()

    def _saved(self, name: str) -> Path | None:
        path = self._read(name).get("saved")
        return Path(path) if isinstance(path, str) and path else None

    def _stop_signal(self, name: str) -> int:
        number = self._read(name).get("stop_signal")
        return number if number in (signal.SIGINT, signal.SIGQUIT) else signal.SIGTERM


def state_of(process: psutil.Process | None) -> str:
    """Return `running`, `paused` or `stopped`."""
    try:
        if process is not None:
            return "paused" if process.status() == psutil.STATUS_STOPPED else "running"
    except psutil.Error:
        pass
    return "stopped"


def kept_by(supervisor: psutil.Process | None) -> psutil.Process | None:
    """Return the program below a supervisor: its first child, or the supervisor itself while it has none."""
    try:
        return next(iter(supervisor.children()), supervisor) if supervisor else None
    except psutil.Error:
        return None


def work_of(processes: Iterable[psutil.Process | None]) -> int:
    """Return the work of these processes: seconds of processor time plus units of 10 MB read or written.

    A wait counts it as progress: it grows while a program starts slowly, and hardly grows if the program is frozen.
    """
    done = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process is not None:
                times = process.cpu_times()
                done += times.user + times.system
                if hasattr(process, "io_counters"):  # not on macOS
                    moved = process.io_counters()
                    done += (moved.read_bytes + moved.write_bytes) / 1e7
    return int(done)


def shown(process: psutil.Process | None) -> dict:
    """Return the state of a process for `workshop status`, with pid, start time and memory if it runs."""
    state = state_of(process)
    if process is None or state == "stopped":
        return {"state": state}
    try:
        memory = round(process.memory_info().rss / 1e6)
        return {"state": state, "pid": process.pid, "since": process.create_time(), "memory_mb": memory}
    except psutil.Error:
        return {"state": "stopped"}


# The children of this process, so that they are reaped when they end.
_children: list[subprocess.Popen] = []


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Defer Ctrl-C, SIGTERM and SIGHUP to the end of the block: for a process start or a cleanup.

    An interrupted start could leave a process that is never found: its record is not written yet, and its mark is visible
    only after the shell has replaced itself by the program.

    A signal that is ignored here, as SIGHUP under `nohup`, is not ignored by what starts in the block: a program in a
    terminal of a pod or of JupyterLab must end with its terminal.
    """
    struck: list[int] = []
    handlers: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():  # Python handles signals in this thread only
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                handler = signal.getsignal(number)
                if callable(handler):
                    handlers[number] = handler
                    signal.signal(number, lambda number, frame: struck.append(number))
                elif handler == signal.SIG_IGN:
                    handlers[number] = handler
                    signal.signal(number, _ignored)  # a new program gets the default instead of a handler
        yield
    finally:
        for held, handler in handlers.items():
            signal.signal(held, handler)
        for held in struck[:1]:
            signal.raise_signal(held)


def _ignored(number: int, frame: object) -> None:
    """Do nothing on a signal."""


def _listens_on(process: psutil.Process, declared: set[int]) -> set[int]:
    """Return a process' ports; the declared ones if its sockets must not be looked at.

    In a container, root may not look at PostgreSQL's, which runs as another user (CAP_SYS_PTRACE).
    """
    try:
        return {one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    except psutil.AccessDenied:
        return declared
    except psutil.Error:
        return set()


def _marked_name(process: psutil.Process, prefix: str) -> str:
    try:
        env = process.environ()
        if env.get(MARK, "").startswith(prefix) and env.get(MARKED_PID) == str(process.pid):
            return env[MARK].removeprefix(prefix)
    except (psutil.Error, OSError):
        pass
    return ""


def _send(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _all_saved(files: Mapping[str, Path | None]) -> set[str]:
    """Return the components that have saved their data; empty while any of them is still writing."""
    writing = {name: file for name, file in files.items() if file}
    return set(writing) if all(_has_content(file) for file in writing.values()) else set()


def _has_content(file: Path) -> bool:
    """Return whether a file exists and is not empty; it is empty for a moment after its creation."""
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def _gone(process: psutil.Process, timeout: float) -> bool:
    """Return whether a process ended within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if _is_over(process):
            return True
        time.sleep(LOOK)
    return False


def _is_over(process: psutil.Process) -> bool:
    """Return whether a process has ended.

    A child of this process is reaped, because the threads of a zombie may still be ending. Any other zombie has ended.
    """
    reaped = [child.poll() is not None for child in _children if child.pid == process.pid]
    if reaped:
        return all(reaped)
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
