"""Duration of each solved lesson without pauses, and memory of the brokers and of the whole stack after all of them.

A duration includes the start of the lesson's kernel.
"""

from __future__ import annotations

import nbformat
import workshop
from workshop.base.settings import rehearse
from workshop.notebook.execute import client_of
from workshop.notebook.handout import solutions

from benchmarks import measuring
from benchmarks.figures.brokers import memory_mb
from benchmarks.figures.idle import processes
from benchmarks.measuring import Values, seconds

STACK = "running"
FIGURES = {**{f"{number:02}": "s" for number in range(11)}, "memory, brokers": "MB", "memory, stack": "MB"}


def measure(run: int) -> Values:
    """Execute all lessons, one after the other."""
    rehearse()
    settings = workshop.connect().settings
    for path in solutions(settings):
        client = client_of(nbformat.read(path, as_version=4), path)
        yield path.stem[:2], seconds(client.execute)
    yield "memory, brokers", memory_mb(settings)
    yield "memory, stack", measuring.memory_mb(process for process, _ in processes(settings))
