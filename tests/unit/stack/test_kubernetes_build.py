"""The program that compiles the control plane: its exit codes."""

from __future__ import annotations

import pytest
from workshop.base import incidents, interruptions
from workshop.base.errors import WorkshopError
from workshop.base.interruptions import Interrupted
from workshop.base.processes import Processes
from workshop.stack import kubernetes_build, lifecycle
from workshop.stack.kubernetes.controlplane import build


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether Lab was started too, for each start."""
    found: list[bool] = []
    monkeypatch.setattr(incidents, "install", lambda: None)
    monkeypatch.setattr(interruptions, "install", lambda: None)
    monkeypatch.setattr(lifecycle, "up", lambda settings, timeline, with_lab: found.append(with_lab))
    monkeypatch.setattr(build, "build", lambda settings: None)
    return found


@pytest.mark.parametrize("lab", [True, False])
def test_after_the_compilation_the_stack_is_completed(lab: bool, started: list[bool], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Processes, "running", lambda processes: {"lab": None} if lab else {})
    assert kubernetes_build.main() == 0
    assert started == [lab]


@pytest.mark.parametrize(("error", "code"), [(WorkshopError("No Go.", "Get it."), 1), (Interrupted(15), 143)])
def test_a_compilation_that_ends_early_starts_nothing(
    error: BaseException, code: int, started: list[bool], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    def fail(settings: object) -> None:
        raise error

    monkeypatch.setattr(build, "build", fail)
    assert kubernetes_build.main() == code
    assert started == []
    assert capsys.readouterr().out == ("No Go.\n→ Get it.\n" if code == 1 else "")
