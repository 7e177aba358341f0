"""A component whose timeouts may come late, and everything that it starts; nothing else."""

import sys
import threading
from pathlib import Path

import pytest
from workshop.base import timer_slack
from workshop.base.processes import Component, Processes
from workshop.base.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="timer slack is Linux'")
SHOWN = "import subprocess as s, time; s.run(['cat', '/proc/self/timerslack_ns']); time.sleep(60)"


def of_this_thread() -> int:
    return int(Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text())


@pytest.mark.parametrize(("seconds", "expected"), [(0.05, 50_000_000), (0.0, timer_slack.USUAL)])
def test_what_a_component_starts_has_its_slack(tmp_path: Path, seconds: float, expected: int) -> None:
    processes = Processes(tmp_path)
    processes.start(Component("one", (sys.executable, "-c", SHOWN), slack=seconds))
    try:
        assert int(wait_until(lambda: processes.tail("one"), 30, "what it prints")) == expected
    finally:
        processes.stop(["one"])
    assert of_this_thread() == timer_slack.USUAL


def test_a_start_that_fails_does_not_leave_the_thread_late() -> None:
    within: list[int] = []

    def fail() -> None:
        with timer_slack.inherited(0.2):
            within.append(of_this_thread())
            raise OSError("in between")

    with pytest.raises(OSError, match="in between"):
        fail()
    assert (within, of_this_thread()) == ([200_000_000], timer_slack.USUAL)
