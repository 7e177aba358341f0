"""Changes of payments under load in lesson 07: what a drain answers, and when all pods are ready. No cluster is asked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.lessons.microservices_on_kubernetes import changes
from workshop.notebook.pods import Pod

OURS = SimpleNamespace(settings=None, nodes=SimpleNamespace(ours=True))
POD = Pod("payments-1", "payments", "worker-1", "ready", "", 0, "1")


def drained(monkeypatch: pytest.MonkeyPatch, answer: str | WorkshopError) -> str:
    def kubectl(settings: object, *words: str, **more: object) -> str:
        assert words[:2] == ("drain", "worker-1")
        if isinstance(answer, WorkshopError):
            raise answer
        return answer

    monkeypatch.setattr(changes, "kubectl", kubectl)
    return changes.drain(OURS, "worker-1")


def test_a_drain_is_reported_in_the_words_of_kubectl(monkeypatch: pytest.MonkeyPatch):
    assert drained(monkeypatch, "node/worker-1 drained\n") == "node/worker-1 drained"


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("evicting\nCannot evict pod: budget\nCannot evict again", "Cannot evict pod: budget"),
        ("timed out", "timed out"),
    ],
)
def test_a_refused_drain_is_reported_by_its_first_refusal(detail: str, told: str, monkeypatch: pytest.MonkeyPatch):
    assert drained(monkeypatch, WorkshopError("It failed.", "", detail)) == told


def test_somebody_elses_node_is_not_drained():
    theirs = SimpleNamespace(settings=None, nodes=SimpleNamespace(ours=False))
    for call in (lambda: changes.drain(theirs, "worker-1"), lambda: changes.drained(theirs)):
        with pytest.raises(WorkshopError, match="No node is drained"):
            call()


def test_all_are_ready_when_there_are_as_many_as_declared():
    assert changes.all_ready([POD] * 2, 2)
    assert not changes.all_ready([POD] * 3, 2)
    assert not changes.all_ready([POD, replace(POD, state="leaving")], 2)


class Past:
    """A history that has the pods of each look in turn."""

    def __init__(self, *looks: list[Pod]) -> None:
        self.looks, self.now, self.latest = list(looks), 0.0, []

    def wait(self, condition, what: str, timeout: float, meanwhile) -> None:
        while not self.latest or not condition(self.latest):
            assert self.looks, f"still waits for {what}"
            self.latest, self.now = self.looks.pop(0), self.now + 1


def change(*looks: list[Pod]) -> changes.Change:
    one = changes.Change(SimpleNamespace(answers=[]), Past(*looks), changes.PICTURES["pods"], ["worker-1"])
    one.live = SimpleNamespace(update=lambda: None)
    return one


RESTARTED = replace(POD, restarts=1)
NEW = replace(POD, name="payments-2", release="2", node="worker-2")


@pytest.mark.parametrize(
    ("wait", "looks"),
    [
        (lambda one: one.wait_for_release("2"), [[POD], [POD, NEW], [replace(NEW, state="not ready")], [NEW]]),
        (lambda one: one.wait_until_gone(POD.name), [[replace(POD, state="leaving"), NEW], [NEW]]),
        (lambda one: one.wait_for_restart(POD), [[POD], [replace(RESTARTED, state="not ready")], [RESTARTED]]),
        (lambda one: one.wait_until_moved("worker-1"), [[POD, NEW], [NEW]]),
        (lambda one: one.look_on(2.5), [[POD], [POD], [POD]]),
    ],
)  # fmt: skip
def test_a_change_waits_for_the_pods_of_the_last_look(wait, looks: list[list[Pod]]):
    one = change(*looks)
    wait(one)
    assert one.history.looks == []
    assert one.history.latest == looks[-1]


def test_marks_are_at_the_moment_of_the_action():
    one = change([POD], [POD])
    one.look_on(1.5)
    one.mark("deleted")
    assert one.marks == [(2.0, "deleted")]


def test_pods_of_the_broken_release_are_found_by_their_release():
    worse = replace(POD, release="broken")
    assert changes.broken([POD, worse, NEW]) == [worse]
