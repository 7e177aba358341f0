"""The helpers of lesson 07 that its cells call: a node to drain, a pod to examine, and pods without an owner."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.lessons.microservices_on_kubernetes import experiments
from workshop.notebook.pods import Pod


def test_no_pod_is_prepared_on_somebody_elses_nodes():
    theirs = SimpleNamespace(settings=None, nodes=SimpleNamespace(ours=False))
    with pytest.raises(WorkshopError, match="No node is drained"):
        experiments.node_of_a_pod(theirs, 1)


def pod(name: str, *owners: str) -> SimpleNamespace:
    return SimpleNamespace(metadata=SimpleNamespace(name=name, owner_references=list(owners) or None))


@pytest.mark.parametrize(
    ("found", "deleted"), [([pod("a", "rs"), pod("b"), pod("c")], ["b", "c"]), ([pod("a", "rs")], [])]
)
def test_pods_without_an_owner_are_deleted(found: list, deleted: list[str], monkeypatch: pytest.MonkeyPatch):
    words: list[tuple[str, ...]] = []
    monkeypatch.setattr(experiments, "kubectl", lambda settings, *some, **more: words.append(some))
    api = SimpleNamespace(list_namespaced_pod=lambda namespace, **more: SimpleNamespace(items=found))
    experiments._delete_orphans(SimpleNamespace(settings=None), api)
    assert words == ([("delete", "pod", *deleted, "--ignore-not-found")] if deleted else [])


def test_pods_are_returned_when_all_are_ready(monkeypatch: pytest.MonkeyPatch):
    ready = Pod("p", "payments", "worker-1", "ready", "", 0, "1")
    waited: list[int] = []
    monkeypatch.setattr(experiments.pods, "core", lambda ws: None)
    monkeypatch.setattr(experiments.pods, "ready", lambda api, app, count: waited.append(count))
    monkeypatch.setattr(experiments.pods, "pods", lambda api, app: [ready] * waited[0])
    assert experiments.ready_pods(None) == [ready] * 3
