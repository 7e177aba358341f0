"""A pod that was taken out of its Service, in exercise 07.3: found by name, judged by owner and labels."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kubernetes.client import ApiException
from workshop.lessons.microservices_on_kubernetes import quarantine
from workshop.notebook.pods import Pod


def pod(owner: bool = True, **labels: str) -> SimpleNamespace:
    names = {"name": "app.kubernetes.io/name", "hash": "pod-template-hash"}
    said = {names[name]: value for name, value in labels.items()}
    return SimpleNamespace(metadata=SimpleNamespace(labels=said, owner_references=["rs"] if owner else None))


def test_a_pod_is_untouched_while_service_and_replicaset_select_it():
    assert quarantine.untouched(pod(name="payments", hash="7c"))
    assert not quarantine.untouched(pod(name="aside", hash="7c"))
    assert not quarantine.untouched(pod(name="payments"))
    assert not quarantine.untouched(pod(owner=False, name="payments", hash="7c"))


def test_a_pod_that_is_gone_is_none_and_another_error_is_raised():
    def refusing(status: int) -> SimpleNamespace:
        def read(name: str, namespace: str, **more: object) -> None:
            raise ApiException(status=status)

        return SimpleNamespace(read_namespaced_pod=read)

    assert quarantine.find(refusing(404), "p") is None
    with pytest.raises(ApiException):
        quarantine.find(refusing(403), "p")


def test_other_pods_are_the_ready_ones_with_other_names(monkeypatch: pytest.MonkeyPatch):
    looks = [["s", "a", "b"], ["s", "a", "b", "c"]]
    found = iter([looks[0], looks[1], looks[1]])

    def pods(api: object, app: str) -> list[Pod]:
        return [Pod(name, app, "worker-1", "ready", "", 0, "1") for name in next(found)]

    monkeypatch.setattr(quarantine.pods, "pods", pods)
    assert quarantine.others(None, "s") == ["a", "b", "c"]


def test_too_few_other_pods_are_named_when_patience_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(quarantine, "PATIENCE", 0.0)
    one = Pod("a", "payments", "worker-1", "ready", "", 0, "1")
    monkeypatch.setattr(quarantine.pods, "pods", lambda api, app: [one])
    assert quarantine.others(None, "s") == ["a"]
