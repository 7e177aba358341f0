"""Duration of each solved lesson and of the express notebook without pauses, and memory of the stack after all of them.

A duration includes the start of the lesson's kernel, and the start of what a lesson starts itself, such as PostgreSQL or the
schema registry. The environment of lesson 11 is installed before.
"""

from __future__ import annotations

import workshop
from workshop.base.settings import Settings, rehearse
from workshop.notebook.execute import client_of
from workshop.notebook.handout import handed_out, key, read_solved
from workshop.stack.streams import environment

from benchmarks import measuring
from benchmarks.figures.brokers import memory_mb
from benchmarks.figures.idle import processes
from benchmarks.measuring import Values, seconds

STACK = "running"
FIGURES = {**{key(path): "s" for path in handed_out(Settings.load())}, "memory, brokers": "MB", "memory, stack": "MB"}


def measure(run: int) -> Values:
    """Execute all lessons, one after the other."""
    rehearse()
    settings = workshop.connect().settings
    environment.install(settings)
    for path in handed_out(settings):
        client = client_of(read_solved(path), path)
        yield key(path), seconds(client.execute)
    yield "memory, brokers", memory_mb(settings)
    yield "memory, stack", measuring.memory_mb(process for process, _ in processes(settings))
