"""The manifests that lesson 07 reads: the copy of payments, and the brokers' StatefulSet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from workshop.base.settings import Settings
from workshop.lessons.microservices_on_kubernetes import manifests


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    words: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        manifests, "kubectl", lambda settings, *some, **more: words.append((*some, more.get("data", "")))
    )
    monkeypatch.setattr(manifests, "apply", lambda settings, some: words.append(("apply", json.dumps(some))))
    return words


@pytest.fixture
def ws(tmp_path: Path) -> SimpleNamespace:
    return SimpleNamespace(settings=replace(Settings.load(), state=tmp_path), namespace="shop")


def test_the_copy_is_the_delivered_manifest_with_three_replicas(asked: list, ws: SimpleNamespace):
    path = manifests.own_copy(ws)
    copy = [*yaml.safe_load_all(path.read_text())]
    delivered = [*yaml.safe_load_all(manifests.delivered(ws.settings))]
    assert [one["kind"] for one in copy] == ["Deployment", "PodDisruptionBudget", "Service"]
    assert copy[0]["spec"].pop("replicas") == 3
    assert delivered[0]["spec"].pop("replicas") == 2
    assert copy == delivered
    assert asked == []


def test_the_cells_can_split_the_manifests(asked: list, ws: SimpleNamespace):
    deployment, budget, service = manifests.own_copy(ws).read_text().split("---\n")
    pod, container = deployment.split("      containers:\n")
    assert "replicas: 3" in pod
    assert "readinessProbe" in container
    assert "minAvailable: 1" in budget
    assert "kind: Service" in service
    brokers, its_budget = manifests.brokers(ws).read_text().split("---\n")
    pods, its_container = brokers.split("      containers:\n")
    assert "kind: StatefulSet" in pods
    assert "volumeClaimTemplates" in its_container.split("          securityContext")[1]
    assert "maxUnavailable: 1" in its_budget


def test_an_existing_clusters_manifest_is_the_adapted_one(monkeypatch: pytest.MonkeyPatch, ws: SimpleNamespace):
    objects = [
        {"kind": "Service", "metadata": {"name": "payments"}},
        {"kind": "Deployment", "metadata": {"name": "debits"}},
        {"kind": "PodDisruptionBudget", "metadata": {"name": "payments"}},
        {"kind": "Deployment", "metadata": {"name": "payments"}, "spec": {"replicas": 2}},
    ]
    monkeypatch.setattr(manifests.deploy, "folder", lambda settings: Path("adapted"))
    monkeypatch.setattr(manifests, "kubectl", lambda settings, *words: yaml.safe_dump_all(objects))
    text = manifests.delivered(ws.settings)
    assert [one["kind"] for one in yaml.safe_load_all(text)] == [*manifests.KINDS]
    assert "\n  replicas: 2\n" in text


def test_service_and_budget_are_put_back_as_a_whole(asked: list, ws: SimpleNamespace):
    manifests.reset(ws)
    replaced, deleted, applied = asked
    assert replaced[:3] == ("replace", "--raw", "/api/v1/namespaces/shop/services/payments")
    assert json.loads(replaced[-1])["spec"]["selector"] == {"app.kubernetes.io/name": "payments"}
    assert deleted[:3] == ("delete", "poddisruptionbudget", "payments")
    assert json.loads(applied[1])[0]["spec"]["minAvailable"] == 1
