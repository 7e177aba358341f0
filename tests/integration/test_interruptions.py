"""Ctrl-C, SIGTERM and a closed terminal, from the first instruction on: a message, an exit code, no leftover processes."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import termios
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from workshop.base.processes import Processes
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until

from .commands import WORKSHOP, ended, start

WORDS = {signal.SIGINT: "Interrupted.", signal.SIGTERM: "Terminated.", signal.SIGHUP: "The terminal was closed."}


def interrupt(process: subprocess.Popen, number: int) -> tuple[int, str]:
    os.killpg(process.pid, number)
    return ended(process)


def has_opened(process: subprocess.Popen, part: str) -> bool:
    """Return whether a process has imported a library, by its memory maps."""
    try:
        return part in Path(f"/proc/{process.pid}/maps").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("microseconds", range(0, 60_000, 4_000))
def test_ctrl_c_while_python_itself_starts_is_a_sentence(settings: Settings, microseconds: int):
    """The launcher blocks SIGINT until the first line of `workshop.cli.entry`."""
    process = start("status", state=settings.common)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(microseconds / 1e6)
    code, said = interrupt(process, signal.SIGINT)
    assert code in (130, -signal.SIGINT)  # the latter without a message, if the launcher has not started Python yet
    assert "Interrupted." in said or code == -signal.SIGINT


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="libraries are seen in /proc, on Linux")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_imports_is_a_sentence(settings: Settings, number: int):
    process = start("status", state=settings.common)
    wait_until(lambda: has_opened(process, "_psutil"), 120, "psutil to be imported", every=0.001)
    code, said = interrupt(process, number)
    assert code == 128 + number
    assert any(word in said for word in WORDS.values()) or not said


@pytest.mark.parametrize("number", WORDS)
def test_an_interrupted_up_leaves_nothing_and_the_next_one_works(stack: Settings, number: int):
    process = start("up", "--no-lab", state=stack.common)
    wait_until(lambda: Processes(stack.state).running(), 240, "a broker to be started", every=0.01)
    code, said = interrupt(process, number)
    assert code == 128 + number
    assert f"{WORDS[number]} Partial work was cleaned up; run the same command again to resume." in said
    assert Processes(stack.state).running() == {}
    if number == signal.SIGINT:
        assert ended(start("up", "--no-lab", state=stack.common))[0] == 0


def test_a_second_ctrl_c_waits_until_the_first_one_has_cleaned_up(stack: Settings):
    process = start("up", "--no-lab", state=stack.common)
    wait_until(lambda: len(Processes(stack.state).running()) == 3, 240, "three brokers to be started", every=0.01)
    os.killpg(process.pid, signal.SIGINT)
    said = ""
    while "Stopping what was started" not in said:
        said += process.stdout.readline()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        os.killpg(process.pid, number)
    code, rest = ended(process)
    assert code in (130, 143)
    assert "Partial work was cleaned up" in rest
    assert Processes(stack.state).running() == {}


def test_a_terminal_that_is_closed_stops_what_was_started(stack: Settings):
    """Failing writes to the closed terminal must not prevent the cleanup."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [WORKSHOP, "up", "--no-lab"],
        env={**os.environ, "WORKSHOP_STATE": str(stack.common)},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # the session's controlling terminal
    )
    os.close(follower)
    wait_until(lambda: Processes(stack.state).running(), 240, "a broker to be started", every=0.01)
    os.close(leader)  # the system then sends SIGHUP
    assert process.wait(240) == 128 + signal.SIGHUP
    assert Processes(stack.state).running() == {}


def test_nohup_goes_on_when_the_terminal_is_closed(stack: Settings):
    process = subprocess.Popen(
        ["nohup", WORKSHOP, "up", "--no-lab"],
        env={**os.environ, "WORKSHOP_STATE": str(stack.common)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: Processes(stack.state).running(), 240, "a broker to be started", every=0.01)
    os.killpg(process.pid, signal.SIGHUP)
    code, said = ended(process)
    assert (code, "workshop status" in said) == (0, True)


def test_following_a_log_ends_by_ctrl_c_without_an_error(settings: Settings):
    log = settings.state / "logs" / "kafka-1.log"
    log.parent.mkdir(parents=True)
    log.write_text("here\n")
    process = start("logs", "kafka-1", "-f", state=settings.common, PYTHONUNBUFFERED="1")
    assert process.stdout.readline() == "here\n"
    with log.open("a") as file, ThreadPoolExecutor() as reading:
        followed = reading.submit(process.stdout.readline)
        while not followed.done():  # lines written before the command has opened the file are not followed
            file.write("more\n")
            file.flush()
            wait([followed], timeout=0.5)
    assert followed.result() == "more\n"
    assert interrupt(process, signal.SIGINT)[0] == 0
