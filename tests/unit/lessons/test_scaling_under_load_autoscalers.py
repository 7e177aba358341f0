"""The autoscalers of lesson 08: what they scale, their bounds, and what their status says."""

from __future__ import annotations

import json
from types import SimpleNamespace

import nbformat
import pytest
import yaml
from workshop.base.settings import Settings
from workshop.lessons.scaling_under_load import autoscalers
from workshop.notebook.handout import solution


def test_the_manifest_is_that_of_the_notebook():
    notebook = nbformat.read(solution(Settings.load(), "08"), as_version=4)
    written = next(cell.source for cell in notebook.cells if cell.id == "manifest").partition("\n")[2]
    assert yaml.safe_load(written) == autoscalers.manifest(1, 4)


def test_autoscalers_of_other_deployments_are_left_out():
    ours, other = autoscalers.manifest(1, 4), autoscalers.manifest(1, 4)
    other["spec"]["scaleTargetRef"]["name"] = "debits"
    assert autoscalers.of_payments([other, ours]) == [ours]
    assert autoscalers.target_of(other) == "deployment/debits"


def test_the_minimum_is_one_by_default():
    made = autoscalers.manifest(2, 4)
    assert autoscalers.bounds(made) == (2, 4)
    del made["spec"]["minReplicas"]
    assert autoscalers.bounds(made) == (1, 4)


def test_a_fresh_autoscaler_has_no_metrics_and_is_not_idle():
    made = autoscalers.manifest(2, 4)
    assert autoscalers.utilization(made) is None
    assert autoscalers.reading(made) == "no metrics yet"
    assert not autoscalers.idle(made)
    assert autoscalers.trouble(made) == ""


def test_a_status_that_says_why_is_told():
    made = autoscalers.manifest(2, 4)
    conditions = [
        {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale", "message": "fine"},
        {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "no metric"},
        {"type": "ScalingLimited", "status": "True", "reason": "TooFewReplicas", "message": "as usual"},
    ]
    made["status"] = {"conditions": conditions}
    assert autoscalers.trouble(made) == "FailedGetResourceMetric: no metric"


def test_a_trial_uses_a_copy_and_creates_an_applied_autoscaler_again(monkeypatch: pytest.MonkeyPatch):
    done: list[str] = []
    made: list[dict] = []

    def kubectl(settings: object, *words: str, data: str) -> None:
        made.append(json.loads(data))
        done.append(f"create {made[-1]['metadata']['name'][:9]}")

    monkeypatch.setattr(autoscalers.kubectl, "kubectl", kubectl)
    monkeypatch.setattr(autoscalers.deployments, "no_autoscaler", lambda ws: done.append("delete"))
    monkeypatch.setattr(autoscalers.delivery, "set_replicas", lambda ws, api, count: done.append(f"scale {count}"))
    monkeypatch.setattr(autoscalers.pods, "core", lambda ws: None)
    given = autoscalers.manifest(2, 4)
    given["metadata"] = {"name": "mine", "uid": "1", "annotations": {"a": "b"}}
    with autoscalers.trial(SimpleNamespace(settings=None), given):
        done.append("play")
    assert done == ["delete", "scale 2", "create payments-", "play", "delete", "create mine"]
    assert made[0]["spec"] == made[1]["spec"] == given["spec"]
    assert made[1]["metadata"] == {"name": "mine", "annotations": {"a": "b"}}


def test_after_a_trial_of_bounds_there_is_no_autoscaler(monkeypatch: pytest.MonkeyPatch):
    done: list[str] = []
    monkeypatch.setattr(autoscalers, "_create", lambda ws, made: done.append("create"))
    monkeypatch.setattr(autoscalers.deployments, "no_autoscaler", lambda ws: done.append("delete"))
    monkeypatch.setattr(autoscalers.delivery, "set_replicas", lambda ws, api, count: None)
    monkeypatch.setattr(autoscalers.pods, "core", lambda ws: None)
    with autoscalers.trial(SimpleNamespace(), autoscalers.manifest(2, 4)):
        pass
    assert done == ["delete", "create", "delete"]
