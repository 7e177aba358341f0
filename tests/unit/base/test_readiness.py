"""The wait for a component that was started: it answers, it ends, or it does neither."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from workshop.base import readiness
from workshop.base.errors import WorkshopError
from workshop.base.processes import Component, Processes


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    yield made
    made.stop(["sleeper"], at_once=True)


@pytest.fixture
def sleeper(processes: Processes) -> Processes:
    """The processes with one that has printed a line and sleeps."""
    code = "import time; print('trying port 1', flush=True); time.sleep(600)"
    processes.start(Component("sleeper", (sys.executable, "-c", code), env=dict(os.environ)))
    return processes


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workshop.base.waiting.time.sleep", lambda seconds: None)


def test_the_wait_ends_with_the_answer_and_tells_what_it_waits_for(sleeper: Processes):
    answers = iter([False, None, "yes"])
    told: list[str] = []
    readiness.wait_for(sleeper, "sleeper", lambda: next(answers), 60, title="JupyterLab", tell=told.append)
    assert told == ["waiting for JupyterLab to answer"] * 2


def test_the_end_of_the_log_is_the_detail_when_nothing_answers(sleeper: Processes):
    while "trying" not in sleeper.tail("sleeper"):
        pass
    with pytest.raises(WorkshopError, match=r"for JupyterLab to answer; .*Run `workshop doctor`") as given_up:
        readiness.wait_for(
            sleeper, "sleeper", lambda: False, -1.0, title="JupyterLab", next_step="Run `workshop doctor`."
        )
    assert "trying port 1" in given_up.value.detail


def test_a_caller_has_a_detail_of_its_own(processes: Processes):
    with pytest.raises(WorkshopError) as given_up:
        readiness.wait_for(processes, "sleeper", lambda: False, -1.0, title="It", detail=lambda: "from two logs")
    assert given_up.value.detail == "from two logs"


def test_what_the_question_raises_is_raised(processes: Processes):
    def answers() -> bool:
        raise WorkshopError("JupyterLab ended.")

    with pytest.raises(WorkshopError, match="ended"):
        readiness.wait_for(processes, "sleeper", answers, 60, title="JupyterLab")


def test_work_of_the_process_counts_as_progress(processes: Processes, monkeypatch: pytest.MonkeyPatch):
    work = itertools.count()
    monkeypatch.setattr(readiness, "work_of", lambda some: next(work))
    monkeypatch.setattr("workshop.base.waiting.Load.is_busy", lambda load: False)
    times = itertools.count(0, 10)
    monkeypatch.setattr("workshop.base.waiting.time.monotonic", lambda: next(times))
    with pytest.raises(WorkshopError, match="there was progress, but not enough"):
        readiness.wait_for(processes, "sleeper", lambda: False, 15, title="It", detail=str)
