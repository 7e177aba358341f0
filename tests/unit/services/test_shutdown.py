"""The end of a service's process: after a signal it leaves by itself, or is ended. Real processes and signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from services.runtime import shutdown

PROGRAM = """
import sys, time
from services.runtime import shutdown
leaving = shutdown.told(float(sys.argv[1]))
print("ready", flush=True)
while not leaving or sys.argv[2] == "hangs":
    time.sleep(0.01)
print(leaving, flush=True)
"""


@contextmanager
def process(seconds: float, manner: str) -> Iterator[subprocess.Popen]:
    words = [sys.executable, "-c", PROGRAM, str(seconds), manner]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_the_process_leaves_by_itself(number: signal.Signals):
    with process(60, "leaves") as running:
        running.send_signal(number)
        out, _ = running.communicate(timeout=30)
    assert out == f"[{int(number)}]\n"
    assert running.returncode == 0


def test_a_process_that_hangs_is_ended_with_a_sentence():
    with process(0.05, "hangs") as running:
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=30)
    assert running.returncode == shutdown.FAILED == 1
    assert "took longer than 0.05 seconds" in err
