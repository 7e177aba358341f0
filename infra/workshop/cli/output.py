"""Output of long commands: a progress bar, and messages for errors of the Kafka client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from kafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from workshop.base.environment import variable
from workshop.base.errors import WorkshopError
from workshop.base.timeline import WIDTH
from workshop.kafka.topics import DEAD_LETTERS


@contextmanager
def kafka_as_sentences() -> Iterator[None]:
    """Convert errors of the Kafka client to a WorkshopError."""
    try:
        yield
    except KafkaError as error:
        raise WorkshopError(
            f"Kafka reports {type(error).__name__}.",
            "Run `workshop status` to see what runs, then run the same command again.",
        ) from None


@contextmanager
def bar(name: str) -> Iterator[Callable[[float], None]]:
    """Show a progress bar; yield a function that takes the completed share, from 0 to 1."""
    errors, began = Console(stderr=True), time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(WIDTH), TaskProgressColumn())
    # Without a terminal, or in a notebook's `!`, output cannot be redrawn; the final line is enough.
    quiet = not errors.is_terminal or bool(variable("JPY_PARENT_PID"))
    with Progress(*columns, TimeElapsedColumn(), console=errors, transient=True, disable=quiet) as progress:
        task = progress.add_task(name, total=1.0)
        yield lambda share: progress.update(task, completed=share)
        progress.update(task, completed=1.0)
    seconds = time.monotonic() - began
    errors.print(Text.assemble(("✓ ", "green"), f"{name} 100 % ", (f"{seconds:.1f} s", "dim")))


def tell_notes(out: Console, notes: Iterable[str]) -> None:
    """Print remarks on how a file was interpreted."""
    for note in notes:
        out.print(note, markup=False)


def refused_rows(count: int, topic: str) -> str:
    """Return a sentence with the number of refused rows and their topic."""
    rows = "1 row was" if count == 1 else f"{count:,} rows were"
    return f"{rows} refused: each is in {topic}{DEAD_LETTERS}, with its line and the reason."
