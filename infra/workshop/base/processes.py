"""Starts and stops processes; the only module that does.

A component is plain data. What runs is recognised by a mark in its environment, set when it was started, and never
by its name or by a number alone: a pid file may be stale, and its pid may by now be somebody else's process.
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

import psutil

from workshop.base import timer_slack
from workshop.base.errors import WorkshopError
from workshop.base.files import read_record, write_atomically

MARK = "WORKSHOP_COMPONENT"
SUPERVISOR = Path(__file__).resolve().parent / "supervisor.py"
MARKED_PID = "WORKSHOP_COMPONENT_PID"
LOG_LIMIT = 20_000_000  # bytes after which a log is set aside at the next start
KILLED_WITHIN = 10  # seconds until a process that was killed counts as one that cannot be
LOOK = 0.02  # seconds between two looks at processes that are ending
Waiting = Callable[
    [list[str], float], None
]  # is called with the names that are waited for, and for how many seconds so far


def nobody(names: list[str], seconds: float) -> None:
    """Is not interested in what is waited for."""


@dataclass(frozen=True)
class Component:
    """A process to run: its name, its argument list, its environment, how it is asked to stop and how long it may take.

    Attributes:
        saved: a file that the process writes when everything it stores is complete on disk. Whatever it does after that may
            be cut off, once every other component that has such a file has written it or has ended.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ports: tuple[int, ...] = ()
    grace: float = 15.0
    stop_signal: int = signal.SIGTERM
    slack: float = 0.0  # seconds by which its timeouts may come late
    saved: Path | None = None


def kept_running(component: Component) -> Component:
    """Return the component, run by the supervisor: it starts the process again when it dies, and ends what it left."""
    argv = (sys.executable, "-I", "-S", str(SUPERVISOR), *component.argv)
    return replace(component, argv=argv, grace=component.grace + 5)


class Lasting(subprocess.Popen):
    """A process that outlives the one that started it, on purpose: so nobody is warned that it still runs."""

    def __del__(self) -> None:
        pass


class Processes:
    """The processes of one state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def log(self, name: str) -> Path:
        """The file that holds what the component printed."""
        return self.state / "logs" / f"{name}.log"

    def start(self, component: Component) -> psutil.Process:
        """Start a component unless it runs already; it outlives this process and its terminal."""
        if running := self.running().get(component.name):
            return running
        log = self._fresh_log(component.name)
        # The shell replaces itself by the program: so the mark carries the pid, which children cannot inherit as theirs.
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
        """The components that run, by name: those whose record still fits, and those that carry the mark."""
        found = {name: process for name in self._recorded() if (process := self._from_record(name))}
        prefix = self._mark("")
        for process in psutil.process_iter():
            if (name := _marked_name(process, prefix)) and name not in found:
                found[name] = process
        return found

    def listening(self) -> set[int]:
        """The ports on which components that run, or what they started, accept connections."""
        found: set[int] = set()
        for process in self.running().values():
            with contextlib.suppress(psutil.Error):
                for one in (process, *process.children(recursive=True)):
                    found |= _listens_on(one)
        return found

    def lives(self, name: str) -> bool:
        """Whether a component that was started here runs: by its record alone, so quick enough to ask while others start."""
        return self.recorded(name) is not None

    def recorded(self, name: str) -> psutil.Process | None:
        """The process of a component that was started here and runs: by its record alone, as `lives` does."""
        return self._from_record(name)

    def stop(self, names: Iterable[str], *, at_once: bool = False, waiting: Waiting = nobody) -> list[str]:
        """End components: a polite signal to all, their grace, then the signal that cannot be refused.

        Args:
            at_once: without the polite signal.
            waiting: is called again and again with the names of those that have not ended yet.

        Returns:
            The names of those that ran.
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
        """Wait until all have ended; kill those whose grace is over, and those that need no more of it."""
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
        """Send one component a signal.

        Raises:
            WorkshopError: it does not run.
        """
        process = self.running().get(name)
        if process is None:
            raise WorkshopError(f"{name} does not run.", "`workshop status` shows what does.")
        _send(process, number)
        if number == signal.SIGKILL:
            _gone(process, 10)
        return process

    def tail(self, name: str, lines: int = 20) -> str:
        """The end of a component's log."""
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

    def _saved(self, name: str) -> Path | None:
        path = self._read(name).get("saved")
        return Path(path) if isinstance(path, str) and path else None

    def _stop_signal(self, name: str) -> int:
        number = self._read(name).get("stop_signal")
        return number if number in (signal.SIGINT, signal.SIGQUIT) else signal.SIGTERM


def state_of(process: psutil.Process | None) -> str:
    """`running`, `paused` or `stopped`."""
    try:
        if process is not None:
            return "paused" if process.status() == psutil.STATUS_STOPPED else "running"
    except psutil.Error:
        pass
    return "stopped"


def kept_by(supervisor: psutil.Process | None) -> psutil.Process | None:
    """Return the program that a supervisor keeps running: its first child, or the supervisor itself while it has none."""
    try:
        return next(iter(supervisor.children()), supervisor) if supervisor else None
    except psutil.Error:
        return None


def work_of(processes: Iterable[psutil.Process | None]) -> int:
    """Return how much these processes have done: seconds of processor time, and tens of megabytes read or written.

    A program that starts slowly raises it, one that is frozen or waits in vain hardly does: progress, for whoever waits.
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
    """What `workshop status` shows of a process: its state, and where it runs its pid, since when, and its memory."""
    state = state_of(process)
    if process is None or state == "stopped":
        return {"state": state}
    try:
        memory = round(process.memory_info().rss / 1e6)
        return {"state": state, "pid": process.pid, "since": process.create_time(), "memory_mb": memory}
    except psutil.Error:
        return {"state": "stopped"}


# Children of this very process are kept, so that they are reaped here when they end.
_children: list[subprocess.Popen] = []


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP strike after the block: while a process is started, or partial work is cleaned up.

    Between its start and its record, nobody could find a process again: the mark shows only once the shell has replaced
    itself by the program.
    """
    struck: list[int] = []
    handlers: dict[int, Callable] = {}
    try:
        if threading.current_thread() is threading.main_thread():  # elsewhere, no signal is handled
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if callable(handler := signal.getsignal(number)):
                    handlers[number] = handler
                    signal.signal(number, lambda number, frame: struck.append(number))
        yield
    finally:
        for held, handler in handlers.items():
            signal.signal(held, handler)
        for held in struck[:1]:
            signal.raise_signal(held)


def _listens_on(process: psutil.Process) -> set[int]:
    with contextlib.suppress(psutil.Error):
        return {one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
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
    """The components that have written what they store; none, as long as another one is still writing."""
    writing = {name: file for name, file in files.items() if file}
    return set(writing) if all(_has_content(file) for file in writing.values()) else set()


def _has_content(file: Path) -> bool:
    """Whether a file is there and written: it is empty for a moment when it is made."""
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def _gone(process: psutil.Process, timeout: float) -> bool:
    """Whether a process ended within `timeout` seconds; a zombie that nobody reaps has ended too."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if _is_over(process):
            return True
        time.sleep(LOOK)
    return False


def _is_over(process: psutil.Process) -> bool:
    """Our own children are reaped here: a zombie's threads may still be dying. Of others, a zombie has ended."""
    reaped = [child.poll() is not None for child in _children if child.pid == process.pid]
    if reaped:
        return all(reaped)
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
