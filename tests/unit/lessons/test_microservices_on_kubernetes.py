"""Lesson 07: what a drain answers, which fields a container has, and how restarts are counted. No cluster is asked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.lessons.microservices_on_kubernetes import checks, experiments
from workshop.notebook.exercises import engine
from workshop.notebook.pods import Pod

OURS = SimpleNamespace(settings=None, nodes=SimpleNamespace(ours=True))


def drained(monkeypatch: pytest.MonkeyPatch, answer: str | WorkshopError) -> str:
    def kubectl(settings: object, *words: str, **more: object) -> str:
        assert words[:2] == ("drain", "worker-1")
        if isinstance(answer, WorkshopError):
            raise answer
        return answer

    monkeypatch.setattr(experiments, "kubectl", kubectl)
    return experiments.drain(OURS, "worker-1")


def test_a_drain_is_told_in_the_words_of_kubectl(monkeypatch: pytest.MonkeyPatch):
    assert drained(monkeypatch, "node/worker-1 drained\n") == "node/worker-1 drained"


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("evicting\nCannot evict pod: budget\nCannot evict again", "Cannot evict pod: budget"),
        ("timed out", "timed out"),
    ],
)
def test_a_refused_drain_is_told_by_its_first_refusal(detail: str, told: str, monkeypatch: pytest.MonkeyPatch):
    assert drained(monkeypatch, WorkshopError("It failed.", "", detail)) == told


def test_somebody_elses_node_is_not_drained(monkeypatch: pytest.MonkeyPatch):
    theirs = SimpleNamespace(settings=None, nodes=SimpleNamespace(ours=False))
    for call in (
        lambda: experiments.drain(theirs, "worker-1"),
        lambda: experiments.refused_drain(theirs, None),
        lambda: experiments.drained(theirs, None),
    ):
        with pytest.raises(WorkshopError, match="No node is drained"):
            call()


def pod(state: str, restarts: int = 0) -> Pod:
    return Pod("p", "payments", "worker-1", state, "", restarts, "1")


def test_all_are_ready_when_there_are_as_many_as_declared():
    assert experiments._all_ready([pod("ready")] * 2, 2)
    assert not experiments._all_ready([pod("ready")] * 3, 2)
    assert not experiments._all_ready([pod("ready"), pod("leaving")], 2)


def test_a_field_that_a_container_does_not_have_is_named():
    checks._known({"readinessProbe": {}, "lifecycle": {}, "terminationMessagePath": ""})
    with pytest.raises(engine._Unmet) as told:
        checks._known({"readynessProbe": {}, "image": "x", "preStop": {}})
    assert dict(told.value.lines)["observed"] == "a container has no field `readynessProbe`, `preStop`"


def event(name: str | None, message: str, count: int | None = 1) -> SimpleNamespace:
    return SimpleNamespace(involved_object=SimpleNamespace(name=name), message=message, count=count)


def test_restarts_are_those_that_a_liveness_probe_caused(monkeypatch: pytest.MonkeyPatch):
    events = [
        event("payments-1", "Container payments failed liveness probe, will be restarted", 2),
        event("payments-2", "failed liveness probe", None),
        event("payments-1", "failed startup probe"),
        event("debits-1", "failed liveness probe"),
        event(None, "failed liveness probe"),
    ]
    api = SimpleNamespace(list_namespaced_event=lambda namespace, **more: SimpleNamespace(items=events))
    monkeypatch.setattr(checks, "namespace_of", lambda api: "shop")
    assert checks._condemned(api) == 3


@pytest.fixture
def own_state(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_STRICT", raising=False)


@pytest.mark.usefixtures("own_state")
@pytest.mark.parametrize(
    ("probe", "word"), [(None, "unanswered"), ([], "not yet"), ({"path": "/healthz"}, "not yet"), ("text", "not yet")]
)
def test_what_is_no_probe_changes_no_pod(probe: object, word: str):
    assert checks.liveness(OURS, probe).word == word


@pytest.mark.usefixtures("own_state")
@pytest.mark.parametrize(("container", "word"), [(None, "unanswered"), ([], "not yet"), ({"probe": 1}, "not yet")])
def test_what_are_no_settings_change_no_pod(container: object, word: str):
    assert checks.quiet_release(OURS, container).word == word
