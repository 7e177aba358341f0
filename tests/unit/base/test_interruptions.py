"""Signals that end a command: the exception, its exit code and its sentence. Real processes and signals."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from workshop.base import interruptions
from workshop.base.interruptions import Interrupted, exit_code, sentence

PROGRAM = """
import sys, time
from workshop.base import interruptions
interruptions.install()
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt as error:
    print(interruptions.sentence(error), flush=True)
    sys.exit(interruptions.exit_code(error))
"""


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (KeyboardInterrupt(), 130, "Interrupted."),
        (Interrupted(), 130, "Interrupted."),
        (Interrupted(signal.SIGTERM), 143, "Terminated."),
        (Interrupted(signal.SIGHUP), 129, "The terminal was closed."),
    ],
)
def test_each_signal_has_an_exit_code_and_a_sentence(error: KeyboardInterrupt, code: int, word: str):
    assert exit_code(error) == code
    assert sentence(error).startswith(f"{word} Partial work was cleaned up")


def test_each_signal_that_is_installed_has_a_word():
    assert set(interruptions.WORDS) == set(interruptions.SIGNALS)


@pytest.mark.parametrize("number", interruptions.SIGNALS)
def test_a_signal_becomes_an_exception(number: signal.Signals):
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(number)
        said = running.stdout.read()
        assert running.wait(30) == 128 + number
    assert said == f"{sentence(Interrupted(number))}\n"


def test_under_nohup_a_closed_terminal_does_not_end_the_command():
    code = (
        "import os, signal\n"
        "from workshop.base import interruptions\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "interruptions.install()\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "print(signal.getsignal(signal.SIGINT) is interruptions._raise)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"True\n"


def test_a_terminal_is_told_from_a_file():
    outer, inner = pty.openpty()
    reading, writing = os.pipe()
    try:
        assert interruptions._was_terminal(inner)
        assert not interruptions._was_terminal(writing)
    finally:
        for descriptor in (outer, inner, reading, writing):
            os.close(descriptor)


def test_what_is_started_under_nohup_ends_with_its_own_terminal(tmp_path: Path):
    code = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from workshop.base.processes import Component, Processes\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "shown = 'import signal; print(signal.getsignal(signal.SIGHUP).name)'\n"
        "started = Processes(Path(sys.argv[1])).start(Component('one', (sys.executable, '-c', shown)))\n"
        "started.wait()\n"
        "print(Processes(Path(sys.argv[1])).tail('one').strip(), signal.getsignal(signal.SIGHUP).name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "SIG_DFL SIG_IGN\n"
