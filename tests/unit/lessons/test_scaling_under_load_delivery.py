"""The services of lesson 08: the manifest of a pipeline, and refusals before a measurement; without a cluster."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from workshop.base.errors import WorkshopError
from workshop.lessons.scaling_under_load import delivery

SLOW = [{"name": name, "value": value} for name, value in delivery.NETWORK.items()]


def deployment(env: list[dict], replicas: int = 2) -> dict:
    pod = {"spec": {"containers": [{"name": "payments", "env": env}]}}
    return {"kind": "Deployment", "metadata": {"name": "payments"}, "spec": {"replicas": replicas, "template": pod}}


@pytest.fixture
def ws(tmp_path: Path) -> SimpleNamespace:
    return SimpleNamespace(settings=SimpleNamespace(state=tmp_path))


def cluster(monkeypatch: pytest.MonkeyPatch, found: dict) -> None:
    monkeypatch.setattr(delivery.kubectl, "get", lambda settings, *words: found)


def test_the_pipeline_s_manifest_has_the_slow_network_and_the_number(
    ws: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    asked: list[tuple[str, ...]] = []
    usual = [{"name": name, "value": "0"} for name in delivery.NETWORK] + [{"name": "RELEASE", "value": "1"}]
    both = [{"kind": "Service", "metadata": {"name": "payments"}}, deployment(usual)]

    def kubectl(settings: object, *words: str) -> str:
        asked.append(words)
        return yaml.safe_dump_all(both)

    monkeypatch.setattr(delivery.kubectl, "kubectl", kubectl)
    monkeypatch.setattr(delivery.deploy, "folder", lambda settings: Path("services"))
    delivery.write_manifest(ws, replicas=5)
    file = delivery.folder(ws) / delivery.MANIFEST
    assert yaml.safe_load(file.read_text()) == deployment([*SLOW, {"name": "RELEASE", "value": "1"}], replicas=5)
    assert asked[1] == ("apply", "set-last-applied", "--create-annotation", "-f", str(file))


def test_nothing_is_measured_with_another_card_network(ws: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    cluster(monkeypatch, deployment(SLOW))
    delivery.expect_slow_network(ws)
    cluster(monkeypatch, deployment([{"name": "CARD_NETWORK_MS", "value": "0"}]))
    with pytest.raises(WorkshopError, match="Run the first cell of this lesson"):
        delivery.expect_slow_network(ws)


def test_a_deployment_has_as_many_ready_pods_as_it_declares(ws: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    waited: list[tuple[str, int]] = []
    monkeypatch.setattr(delivery.pods, "ready", lambda api, app, count: waited.append((app, count)))
    cluster(monkeypatch, deployment(SLOW, replicas=3))
    assert delivery.settled(ws, None) == 3
    assert waited == [("payments", 3)]


def test_a_deployment_without_a_replica_is_refused_with_the_command(
    ws: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    cluster(monkeypatch, deployment(SLOW, replicas=0))
    with pytest.raises(WorkshopError, match="kubectl scale deployment payments --replicas=1"):
        delivery.settled(ws, None)
