"""The kernel of lesson 11: its registration, and the Python that runs it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.streams import environment, kernel

SPEC = Path(kernel.__file__).with_name("kernel.json")


def test_jupyter_finds_the_kernel():
    found = KernelSpecManager().get_kernel_spec(kernel.NAME)
    assert found.display_name == kernel.TITLE
    assert found.argv[-4:] == ["-m", kernel.__name__, "-f", "{connection_file}"]


def test_it_supports_what_the_ordinary_kernel_supports():
    """JupyterLab encrypts the traffic with kernels that say that they can."""
    ordinary = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    assert json.loads(SPEC.read_text())["metadata"] == json.loads(ordinary.read_text())["metadata"]


@pytest.mark.parametrize("current", [True, False])
def test_it_runs_in_its_environment_if_that_is_complete(monkeypatch: pytest.MonkeyPatch, current: bool):
    monkeypatch.setattr(environment, "is_current", lambda settings: current)
    wanted = str(environment.python(Settings.load())) if current else sys.executable
    assert kernel.interpreter() == wanted


def test_invalid_settings_start_the_ordinary_kernel(monkeypatch: pytest.MonkeyPatch):
    def load() -> Settings:
        raise WorkshopError("WORKSHOP_PACE is 'x'.", "It takes a number.")

    monkeypatch.setattr(kernel.Settings, "load", load)
    assert kernel.interpreter() == sys.executable


def test_the_process_becomes_the_kernel(monkeypatch: pytest.MonkeyPatch):
    became: list = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: became.append((program, arguments)))
    monkeypatch.setattr(kernel, "interpreter", lambda: "/python")
    kernel.main(["-f", "file"])
    assert became == [("/python", ["/python", *kernel.KERNEL, "-f", "file"])]
