"""What ends the suite, in processes of their own: the end of a terminal, with and without `nohup`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from suite.ending import NOHUP

TESTS = Path(__file__).resolve().parents[2]
# A runner that starts a lane, which starts a program; the last two tell what the end of the terminal does to them.
LANE = """
import signal, subprocess, sys
from suite import ending
ending.install()
try:
    signal.raise_signal(signal.SIGHUP)
    print("lane: goes on", flush=True)
except KeyboardInterrupt:
    print("lane: cleans up", flush=True)
program = "import signal; print('program:', signal.getsignal(signal.SIGHUP).name)"
subprocess.run([sys.executable, "-c", program], check=True)
"""
RUNNER = """
import subprocess, sys
from suite import ending
ending.install()
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""


@pytest.mark.parametrize(("before", "lane"), [(signal.SIG_DFL, "lane: cleans up"), (signal.SIG_IGN, "lane: goes on")])
def test_the_end_of_a_terminal_is_a_ctrl_c_unless_nohup_says_otherwise(before: signal.Handlers, lane: str) -> None:
    started = f"import signal; signal.signal(signal.SIGHUP, signal.Handlers({int(before)}))\n{RUNNER}"
    env = {name: value for name, value in os.environ.items() if name != NOHUP} | {"PYTHONPATH": str(TESTS)}
    done = subprocess.run([sys.executable, "-c", started, LANE], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [lane, "program: SIG_DFL"]
