"""An interrupted `workshop run`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from workshop.base.waiting import wait_until
from workshop.notebook.connection import Connection

WAIT = 240.0


def kernel_of(process: psutil.Popen) -> psutil.Process | None:
    for one in process.children(recursive=True):
        try:
            if "ipykernel_launcher" in " ".join(one.cmdline()):
                return one
        except psutil.NoSuchProcess:
            pass
    return None


def reads_from_brokers(kernel: psutil.Process, brokers: set[int]) -> bool:
    return any(one.raddr and one.raddr.port in brokers for one in kernel.net_connections("tcp"))


@pytest.mark.parametrize("begun", [False, True], ids=["its kernel starts", "its cells run"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_says_so_and_leaves_no_kernel(ws: Connection, begun: bool, number: int) -> None:
    words = [str(Path(sys.prefix) / "bin/workshop"), "run", "01"]
    process = psutil.Popen(words, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        kernel = wait_until(lambda: kernel_of(process), WAIT, "a kernel")
        if begun:
            brokers = {int(place.rpartition(":")[2]) for place in ws.kafka["bootstrap_servers"]}
            wait_until(lambda: reads_from_brokers(kernel, brokers), WAIT, "its cells to run")
        process.send_signal(number)
        said, _ = process.communicate(timeout=WAIT)
    finally:
        if process.is_running():
            process.kill()
    word = {signal.SIGINT: "Interrupted.", signal.SIGTERM: "Terminated."}[signal.Signals(number)]
    assert (process.returncode, "Traceback" in said, word in said) == (128 + number, False, True), said
    wait_until(lambda: not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE, WAIT, "its kernel to end")
