"""The first lines of the command: its exit codes. What ends a process runs in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Loads the command once; each way out is then taken in a child.
PROGRAM = """
import os, sys
from workshop.cli import entry, main

def command(body):
    if isinstance(body, BaseException):
        raise body
    return body

ways = [0, 3, SystemExit(2), SystemExit(), SystemExit("words"), KeyboardInterrupt(), BrokenPipeError(), KeyError("why")]
for way in ways:
    if not (child := os.fork()):
        main.main = lambda: command(way)
        os._exit(entry.main())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def entry() -> ModuleType:
    """The module; that it handles signals from its import on is undone here."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        from workshop.cli import entry
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return entry


def test_every_way_out_has_its_exit_code_and_no_traceback(tmp_path: Path):
    env = {**os.environ, "WORKSHOP_STATE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=env)
    assert done.stdout.split() == ["0", "3", "2", "0", "1", "130", "141", "1"]
    assert "Traceback" not in done.stderr
    assert "KeyError" in done.stderr


@pytest.mark.parametrize(("given", "code"), [(2, 2), (None, 0), ("words", 1), (0, 0), (True, 1)])
def test_the_exit_code_of_a_system_exit(entry: ModuleType, given: object, code: int):
    assert entry._code_of(SystemExit(given)) == code


def test_a_way_out_because_of_a_broken_pipe_has_its_code(entry: ModuleType):
    error = SystemExit(1)
    error.__context__ = BrokenPipeError()
    assert entry._code_of(error) == entry.BROKEN_PIPE == 141


def test_an_interruption_while_it_loads_is_a_sentence():
    code = (
        "from workshop.cli import entry\nimport os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint('not reached')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 130
    assert done.stderr == "Interrupted. Nothing was started; run the same command again.\n"
    assert done.stdout == ""
