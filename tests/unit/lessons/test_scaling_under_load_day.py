"""The autoscaler's day of lesson 08: stages, pods, the wait for a calm autoscaler, and a command beside it."""

from __future__ import annotations

import shlex
import sys
from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.lessons.scaling_under_load import autoscalers, day
from workshop.lessons.scaling_under_load.observations import Scaled
from workshop.notebook.pods import Pod

PYTHON = shlex.quote(sys.executable)


def test_stages_begin_one_after_the_other():
    stages = [("normal", 8, 10), ("rush", 12.5, 30), ("heavy", 55, 50.5)]
    assert day._begins(stages) == [(0.0, "normal: 10/s"), (8.0, "rush: 30/s"), (20.5, "heavy: 50.5/s")]


def of_states(*states: str) -> list[Pod]:
    return [Pod("p", "payments", "n", state, "", 0, "1") for state in states]


def test_pods_that_leave_are_neither_ready_nor_wished_for():
    latest = of_states("ready", "ready", "not ready", "waiting", "leaving", "ended")
    seen = Scaled(SimpleNamespace(now=5.0), 1, 4)
    day._note(seen, SimpleNamespace(latest=latest))
    assert (seen.ready, seen.wished) == ([(5.0, 2)], [(5.0, 4)])


def found(percent: int | None, replicas: int = 2) -> dict:
    metrics = [] if percent is None else [{"resource": {"current": {"averageUtilization": percent}}}]
    status = {"desiredReplicas": replicas, "currentReplicas": replicas, "currentMetrics": metrics}
    return {**autoscalers.manifest(2, 4), "status": status}


def test_an_autoscaler_is_calm_when_it_has_read_metrics_of_idle_pods_at_its_minimum(monkeypatch: pytest.MonkeyPatch):
    answers = iter([found(None), found(90), found(30, replicas=4), found(30)])
    monkeypatch.setattr(day.autoscalers, "every", lambda ws: [next(answers)])
    monkeypatch.setattr(day.pods, "pods", lambda api, app: of_states("ready", "ready"))
    monkeypatch.setattr(day.time, "sleep", lambda seconds: None)
    assert day._calm(None, None) == (2, 4)
    assert next(answers, None) is None


def test_an_autoscaler_that_stays_busy_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(day.autoscalers, "every", lambda ws: [found(90)])
    monkeypatch.setattr(day.pods, "pods", lambda api, app: of_states("ready"))
    monkeypatch.setattr(day, "CALM", -1)
    with pytest.raises(WorkshopError, match="1 replicas are ready, its minimum is 2"):
        day._calm(None, None)


@pytest.mark.parametrize(
    ("there", "fact"),
    [
        ([], "No autoscaler scales the deployment payments"),
        ([found(3), found(3)], "Several autoscalers scale the deployment payments: payments, payments"),
    ],
)
def test_without_exactly_one_autoscaler_nothing_is_played(there: list, fact: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(day.autoscalers, "every", lambda ws: there)
    with pytest.raises(WorkshopError, match=fact):
        day._the_autoscaler(None)


def test_a_release_that_fails_is_a_sentence():
    with pytest.raises(WorkshopError, match="failed") as failed:
        day._run(f"{PYTHON} -c 'raise SystemExit(\"no such file\")'")
    assert "no such file" in failed.value.detail


def test_a_command_beside_is_shown_and_ended(monkeypatch: pytest.MonkeyPatch):
    shown: list[str] = []
    monkeypatch.setattr(day, "display", lambda text, display_id: shown.append(text.data))
    code = "import time; print(1, flush=True); time.sleep(600)"
    with day.Beside(f'{PYTHON} -c "{code}"') as lines:
        while not lines._lines:
            day.time.sleep(0.01)
    assert shown[-1].splitlines()[1:] == ["1"]
    assert lines._process.poll() is not None


def test_without_a_command_nothing_runs_beside():
    with day.Beside("") as lines:
        lines.show()
    assert lines._process is None
