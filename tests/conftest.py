"""Fixtures of all tests: settings with a temporary folder, and the suite's running brokers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
import workshop
from workshop.base.settings import Settings
from workshop.stack import lifecycle

sys.path.insert(0, str(Path(__file__).parent))
from suite import ending, lane, surroundings

surroundings.leave_out()
# After SIGTERM and the end of the terminal, clean up as after a Ctrl-C.
ending.install()

# No deadline: the duration of an example depends on the load of the machine.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


class Folder(pytest.Package):
    """A folder as a package, so that its fixtures end with its last test and not with the run.

    A file `__init__.py` would have the same effect, but hide the client library of the same name.
    """

    def setup(self) -> None:
        """Do nothing: there is no module to import."""


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect tests/kubernetes as a package."""
    return Folder.from_parent(parent, path=path) if path == Path(__file__).parent / "kubernetes" else None


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings for a stack of the test's own (backend `local`) without Kubernetes.

    They use the user's cache, so that nothing is downloaded twice.
    """
    monkeypatch.setenv("WORKSHOP_KUBERNETES", "off")
    home = tmp_path / "state with a space"
    return replace(Settings.load(), home=home, state=home / "local", patience=240.0, strict=False)


@pytest.fixture
def ws(lasting_ws: workshop.Connection) -> Iterator[workshop.Connection]:
    """A connection of the test's own, with the settings of the moment: Kubernetes may have come since the last test.

    Its topics are deleted at the end: hundreds of them make the lane's brokers slow.
    """
    made = workshop.connect()
    yield made
    made.tidy()


@pytest.fixture(scope="session")
def lasting_ws() -> workshop.Connection:
    """Return a connection to the lane's brokers; without the suite, to the stack in WORKSHOP_STATE."""
    if "WORKSHOP_SUITE" in os.environ:
        lane.current().need_kafka()
    elif "WORKSHOP_STATE" not in os.environ:
        pytest.fail("These tests run on brokers of their own: run ./infra/test.sh.")
    return workshop.connect()


@pytest.fixture(scope="session")
def kubernetes() -> None:
    """Start Kubernetes on the lane's stack; without the suite, do nothing."""
    if "WORKSHOP_SUITE" in os.environ:
        lane.current().need_kubernetes()


@pytest.fixture(scope="session")
def control_plane() -> None:
    """Wait until the control plane is compiled; without the suite, do nothing."""
    if "WORKSHOP_SUITE" in os.environ:
        lane.current().need_control_plane()


@pytest.fixture
def stack(settings: Settings) -> Iterator[Settings]:
    """Yield settings of a stack that a test can start and break; stop it at the end."""
    yield settings
    lifecycle.down(settings)
