"""A lane: one process that runs tests, with a state folder, ports and a stack of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from workshop.base.waiting import wait_until

from suite import patience

STRICT_COMMANDS = "c.InteractiveShell.system_raise_on_error = True\n"  # a failing !command is an error
PORTS_PER_LANE = 600
PREFETCH = (
    3600.0  # seconds; compiling the control plane at idle priority, beside the tests, took 14 minutes on a slow machine
)
WORKSHOP = Path(sys.executable).with_name("workshop")


@dataclass
class Lane:
    """The lane of this process.

    Attributes:
        folder: the lane's folder: the stack's state, temporary files, IPython's profile.
        suite: the folder of the run.
    """

    suite: Path
    number: int
    kafka_runs: bool = False
    kubernetes_runs: bool = False
    streams_there: bool = False

    @property
    def folder(self) -> Path:
        """Return the lane's folder."""
        return self.suite / f"lane{self.number}"

    def enter(self) -> None:
        """Set the variables of this process and its children to the lane's folders and ports."""
        profile = self.folder / "ipython" / "profile_default"
        temporary = self.folder / "tmp"
        for folder in (profile, temporary):
            folder.mkdir(parents=True, exist_ok=True)
        (profile / "ipython_config.py").write_text(STRICT_COMMANDS)
        first = int(os.environ["WORKSHOP_SUITE_FIRST_PORT"]) + self.number * PORTS_PER_LANE
        os.environ |= {
            "WORKSHOP_STATE": str(self.folder),
            "WORKSHOP_FIRST_PORT": str(first),
            "IPYTHONDIR": str(profile.parent),
            "TMPDIR": str(temporary),
        }

    def need_kafka(self) -> None:
        """Start this lane's brokers, once. Kubernetes starts when a test needs it."""
        if not self.kafka_runs:
            self._up(kubernetes=False)
            self.kafka_runs = True

    def need_kubernetes(self) -> None:
        """Start this lane's brokers and Kubernetes, once, after the control plane is compiled.

        Raises:
            pytest.skip.Exception: this machine or this run has no Kubernetes.
        """
        if os.environ.get("WORKSHOP_SUITE_KUBERNETES") == "off":
            pytest.skip("NOT RUN: this stack has no Kubernetes (WORKSHOP_KUBERNETES=off, or not Linux)")
        if not self.kubernetes_runs:
            self._up(kubernetes=True)
            self.kafka_runs = self.kubernetes_runs = True

    def need_streams(self) -> None:
        """Install the environment of lesson 11, once, with the command that an attendee uses."""
        if not self.streams_there:
            self._up(kubernetes=self.kubernetes_runs, more=("--with", "streams"))
            self.streams_there = True

    def need_control_plane(self) -> None:
        """Wait until the control plane is compiled, for a test that starts one of its own.

        Raises:
            pytest.skip.Exception: this machine or this run has no Kubernetes.
        """
        if os.environ.get("WORKSHOP_SUITE_KUBERNETES") == "off":
            pytest.skip("NOT RUN: this run has no Kubernetes (WORKSHOP_KUBERNETES=off, or not Linux)")
        if os.environ["WORKSHOP_BACKEND"] == "local":
            wait_for_prefetch(self.suite)

    def _up(self, *, kubernetes: bool, more: tuple[str, ...] = ()) -> None:
        if os.environ["WORKSHOP_BACKEND"] == "local":
            if kubernetes:
                os.environ.pop("WORKSHOP_KUBERNETES", None)
                wait_for_prefetch(self.suite)
            else:
                os.environ["WORKSHOP_KUBERNETES"] = "off"
        told = self.folder / "up.log"
        with told.open("ab") as log:
            done = subprocess.run([WORKSHOP, "up", "--no-lab", *more], stdout=log, stderr=log, check=False)
        if done.returncode:
            pytest.fail(f"`workshop up` failed in this lane:\n{told.read_text()[-3000:]}", pytrace=False)


def wait_for_prefetch(suite: Path) -> None:
    """Wait until the downloads and compilations beside the tests are complete."""
    ended = suite / "prefetch.code"
    wait_until(ended.exists, patience.PREFETCH, "the downloads and compilations for the tests", every=1)
    if ended.read_text() != "0":
        told = (suite / "prefetch.log").read_text()[-3000:]
        pytest.fail(f"`workshop prefetch` failed:\n{told}", pytrace=False)


_current: list[Lane] = []


def current() -> Lane:
    """Return the lane of this process.

    Raises:
        pytest.fail.Exception: the test does not run in the suite.
    """
    if not _current:
        pytest.fail("This test needs a stack of the suite's own: run ./infra/test.sh.", pytrace=False)
    return _current[0]


def enter(number: int) -> None:
    """Make this process a lane if it runs in the suite."""
    if "WORKSHOP_SUITE" in os.environ and not _current:
        _current.append(Lane(Path(os.environ["WORKSHOP_SUITE"]), number))
        _current[0].enter()
