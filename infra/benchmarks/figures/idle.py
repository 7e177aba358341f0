"""Memory and processor time of the idle stack without JupyterLab, in intervals of one minute.

Memory is the proportional set size (Linux); processor time is in percent of one core.
"""

from __future__ import annotations

import contextlib
import time

import psutil
import workshop
from workshop.base.processes import Processes
from workshop.base.settings import Settings

from benchmarks.measuring import Values, memory_mb

STACK = "running"
RUNS = 5
FIGURES = {"processor": "% of a core", "processor, brokers": "% of a core", "memory": "MB", "memory, brokers": "MB"}
INTERVAL = 60.0  # seconds


def processes(settings: Settings) -> list[tuple[psutil.Process, bool]]:
    """Return the processes of the stack with their children, and whether each is of a broker."""
    found = []
    for name, process in Processes(settings.state).running().items():
        if name != "lab":
            found += [(one, name.startswith("kafka-")) for one in (process, *process.children(recursive=True))]
    return found


def measure(run: int) -> Values:
    """Measure one interval, then the memory."""
    settings = workshop.connect().settings
    busy = dict.fromkeys((True, False), 0.0)  # percent of a core, by whether the process is of a broker
    before = [(process, broker, _taken(process)) for process, broker in processes(settings)]
    time.sleep(INTERVAL)
    memory = dict.fromkeys((True, False), 0.0)
    for process, broker, taken in before:
        with contextlib.suppress(psutil.Error):  # it ended
            busy[broker] += (_taken(process) - taken) / INTERVAL * 100
            memory[broker] += memory_mb([process])
    yield "processor", sum(busy.values())
    yield "processor, brokers", busy[True]
    yield "memory", sum(memory.values())
    yield "memory, brokers", memory[True]


def _taken(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        return sum(process.cpu_times()[:2])
    return 0.0
