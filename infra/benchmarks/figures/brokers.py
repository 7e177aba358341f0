"""Start and memory of three brokers, on a state folder of their own.

The start lasts from the first process to three registered brokers and a topic with three replicas, on empty folders. The
memory is the proportional set size of the three idle brokers (Linux).
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.kafka import topics
from workshop.stack import lifecycle
from workshop.stack.backends.local import Local

from benchmarks import measuring
from benchmarks.measuring import Values

STACK = "local"
RUNS = 5
WARM_UP = True
FIGURES = {"start": "s", "memory": "MB"}
IDLE = 10.0  # seconds between the start and the measurement of the memory
QUIET = Console(quiet=True)


def start_brokers(settings: Settings) -> None:
    """Start brokers and create a topic."""
    backend = Local(settings)
    backend.up(Timeline(QUIET))
    backend.ready()
    topics.create(backend.endpoints()["kafka"], [topics.Topic("first", partitions=3, copies=3)])


def memory_mb(settings: Settings) -> float:
    """Return the proportional set size of the brokers of a stack in MB."""
    running = Processes(settings.state).running()
    return measuring.memory_mb(process for name, process in running.items() if name.startswith("kafka-"))


def measure(run: int) -> Values:
    """Start brokers from empty folders, and stop them."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = replace(Settings.load(), state=Path(scratch) / "state").of("local")
        try:
            yield "start", measuring.seconds(lambda: start_brokers(settings))
            time.sleep(IDLE)
            yield "memory", memory_mb(settings)
        finally:
            lifecycle.down(settings)
