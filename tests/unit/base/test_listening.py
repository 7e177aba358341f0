"""The ports of a stack's own components, also where this process may not look at their sockets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import psutil
import pytest
from workshop.base.processes import Component, Processes

PORT = 4711


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    made.start(Component("one", ("/bin/sleep", "600"), dict(os.environ), ports=(PORT,)))
    yield made
    made.stop(["one"], at_once=True)


def test_a_component_that_does_not_listen_yet_has_no_port(processes: Processes):
    assert processes.listening() == set()


def test_the_declared_ports_count_if_the_sockets_are_hidden(processes: Processes, monkeypatch: pytest.MonkeyPatch):
    def hidden(process: psutil.Process, kind: str) -> NoReturn:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "net_connections", hidden)
    assert processes.listening() == {PORT}


def test_a_component_that_has_ended_has_no_ports(processes: Processes):
    processes.stop(["one"], at_once=True)
    assert processes.listening() == set()
