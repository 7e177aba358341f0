"""The supervisor as a process: it restarts its program, gives up on one that cannot start, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workshop.base import supervisor

COMMAND = [sys.executable, "-I", "-S", supervisor.__file__]


@contextmanager
def supervised(script: str, folder: Path) -> Iterator[subprocess.Popen]:
    """A supervisor of a shell script, whose first line of output has been read."""
    words = [*COMMAND, "/bin/sh", "-c", script]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            running.stdout.readline()
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                running.terminate()
            running.wait(60)


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(file: Path, lines: int) -> list[str]:
    """The lines of a file, once it has so many."""
    for _ in range(1_000):
        found = file.read_text().splitlines() if file.exists() else []
        if len(found) >= lines:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{file} has not got {lines} lines")


def test_a_program_that_ends_right_after_its_start_is_tried_three_times(tmp_path: Path):
    done = subprocess.run([*COMMAND, "/bin/sh", "-c", "echo started"], capture_output=True, text=True)
    assert done.stdout.count("started\n") == supervisor.TRIES == 3
    assert done.stdout.count("supervisor: sh ended; it is started again") == 2
    assert done.stderr == "supervisor: sh ended 3 times right after its start; it is not started again\n"
    assert done.returncode == 1


def test_a_program_that_does_not_exist_is_named():
    done = subprocess.run([*COMMAND, "/nowhere/program"], capture_output=True, text=True)
    assert "supervisor: /nowhere/program cannot be started: " in done.stdout
    assert "program ended 3 times" in done.stderr
    assert done.returncode == 1


def test_a_program_that_is_killed_is_started_again(tmp_path: Path):
    script = "echo $$ >> started; echo ready; exec sleep 60"
    with supervised(script, tmp_path):
        (first,) = wait_for(tmp_path / "started", 1)
        os.kill(int(first), signal.SIGKILL)
        again = wait_for(tmp_path / "started", 2)
        assert again[0] == first
        assert again[1] != first


def test_what_a_program_left_in_the_background_is_ended_before_the_next_start(tmp_path: Path):
    # The second start notes whether the background process of the first one is still there.
    script = (
        "test -e left && { kill -0 $(cat left) 2>/dev/null && echo alive >> seen || echo gone >> seen; exec sleep 60; }; "
        "setsid sleep 60 & echo $! > left; echo ready; exit 1"
    )
    with supervised(script, tmp_path):
        assert wait_for(tmp_path / "seen", 1) == ["gone"]


def test_a_supervisor_that_is_told_to_leave_ends_its_program_and_everything_below(tmp_path: Path):
    script = "setsid sleep 60 & echo $! > background; echo $$ > program; echo ready; exec sleep 60"
    with supervised(script, tmp_path) as running:
        pids = [int(wait_for(tmp_path / name, 1)[0]) for name in ("background", "program")]
        assert all(is_there(pid) for pid in pids)
        running.terminate()
        assert running.wait(60) == 0
    assert not any(is_there(pid) for pid in pids)


def test_a_program_leaves_by_itself_before_it_is_ended(tmp_path: Path):
    script = "trap 'echo bye > said; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with supervised(script, tmp_path) as running:
        running.terminate()
        assert running.wait(60) == 0
    assert (tmp_path / "said").read_text() == "bye\n"
