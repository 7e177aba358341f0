"""A function of the notebook in another process, which can be killed."""

from __future__ import annotations

import inspect
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable

from workshop.base.errors import WorkshopError

PATIENCE = 180.0  # seconds
MODULES = "json, os, signal, sqlite3 and kafka"
PROGRAM = """
from __future__ import annotations
import json, os, pickle, signal, sqlite3, sys
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
{sources}
arguments, named = pickle.load(sys.stdin.buffer)
{name}(*arguments, **named)
"""


def run_as_process(work: Callable, *arguments: object, uses: Iterable[Callable] = (), **named: object) -> None:
    """Run a function with these arguments in a new process, and print how the process ended.

    The process has the source of the function and of those that it `uses`, and the modules json, os, signal, sqlite3 and
    kafka, but no other name of the notebook.

    Raises:
        WorkshopError: the function raised an error, or it did not end in time.
    """
    sources = "\n".join(textwrap.dedent(inspect.getsource(one)) for one in [*uses, work])
    command = [sys.executable, "-c", PROGRAM.format(sources=sources, name=work.__name__)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, errors = process.communicate(pickle.dumps((arguments, named)), timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise WorkshopError(f"`{work.__name__}` did not end within {PATIENCE:g} s.", "Run the cell again.") from None
    finally:
        process.kill()
        process.wait()
    print(f"process {process.pid} {_ended(work.__name__, process.returncode, errors.decode())}")


def _ended(name: str, code: int, errors: str) -> str:
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL)"
    if code:
        reason = next(reversed(errors.strip().splitlines()), f"exit code {code}")
        step = f"The process has the arguments of `{name}`, the functions in `uses`, and {MODULES}; nothing else."
        raise WorkshopError(f"`{name}` ended with an error: {reason}", step)
    return "ended normally"
