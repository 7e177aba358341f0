"""Ten minutes of random faults, one or two at a time, under load: no acknowledged payment is lost or debited twice."""

from __future__ import annotations

import subprocess
import sys

import pytest
from workshop.notebook.connection import Connection

MINUTES = 10
TIMEOUT = 7200  # seconds; the run waits for the recovery from each fault, which takes six times as long at sixfold load


@pytest.mark.usefixtures("kubernetes")
@pytest.mark.parametrize("seed", [1, 2])
def test_every_acknowledged_payment_is_debited_once(ws: Connection, seed: int):
    command = [
        sys.executable,
        "-m",
        "workshop.cli.main",
        "chaos",
        "soak",
        "--minutes",
        str(MINUTES),
        "--seed",
        str(seed),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
