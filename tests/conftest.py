"""What several tests share: settings that lead into a temporary folder, and the suite's running brokers."""

from __future__ import annotations

import os
import signal
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
from suite import lane

# Whoever is told to end puts away what was started, as at a Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


class Folder(pytest.Package):
    """A folder as a package, so that its fixtures end with its last test and not with the run.

    A file `__init__.py` would do the same and hide the client library, which has the same name.
    """

    def setup(self) -> None:
        """Import nothing."""


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the tests of Kubernetes as a package."""
    return Folder.from_parent(parent, path=path) if path == Path(__file__).parent / "kubernetes" else None


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a stack of the test's own (backend `local`); the cache is the user's, so that nothing is fetched twice.

    A stack of them has brokers alone: Kubernetes has tests of its own.
    """
    monkeypatch.setenv("WORKSHOP_KUBERNETES", "off")
    home = tmp_path / "state with a space"
    return replace(Settings.load(), home=home, state=home / "local", patience=240.0, strict=False)


@pytest.fixture
def ws(lasting_ws: workshop.Connection) -> workshop.Connection:
    """A connection of the test's own, with the settings of the moment: Kubernetes may have come since the last test."""
    return workshop.connect()


@pytest.fixture(scope="session")
def lasting_ws() -> workshop.Connection:
    """The lane's own running brokers; without the suite, those of the stack that WORKSHOP_STATE names."""
    if "WORKSHOP_SUITE" in os.environ:
        lane.current().need_kafka()
    elif "WORKSHOP_STATE" not in os.environ:
        pytest.fail("These tests run on brokers of their own: run ./infra/test.sh.")
    return workshop.connect()


@pytest.fixture(scope="session")
def kubernetes() -> None:
    """The lane's stack has Kubernetes too; without the suite, it is as `workshop up` left it."""
    if "WORKSHOP_SUITE" in os.environ:
        lane.current().need_kubernetes()


@pytest.fixture
def stack(settings: Settings) -> Iterator[Settings]:
    """Settings of a stack that a test may start and break; whatever runs of it in the end is stopped."""
    yield settings
    lifecycle.down(settings)
