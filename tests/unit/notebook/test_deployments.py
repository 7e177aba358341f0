"""Changes of deployments: what kubectl is asked for, and the sentences when it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from kubernetes.client import ApiException
from workshop.base.errors import WorkshopError
from workshop.notebook import deployments
from workshop.notebook.pods import Pod

WS = SimpleNamespace(settings=None)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, ...]]]:
    words: list[tuple[str, ...]] = []
    monkeypatch.setattr(deployments, "kubectl", lambda settings, *some, **more: words.append(some))
    monkeypatch.setattr(deployments.deploy, "ready", lambda settings, app: words.append(("ready", app)))
    return words


def test_a_change_replaces_a_probe_as_a_whole_and_is_waited_for(asked: list[tuple[str, ...]]):
    deployments.change(WS, {"readinessProbe": {"httpGet": {"path": "/"}}, "image": "x"})
    patch, waited = asked
    (container,) = json.loads(patch[-1])["spec"]["template"]["spec"]["containers"]
    assert container == {
        "name": "payments",
        "readinessProbe": {"httpGet": {"path": "/"}, "$patch": "replace"},
        "image": "x",
    }
    assert waited == ("ready", "payments")


def refusing(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def kubectl(settings: object, *words: str, **more: object) -> None:
        if words[0] == word:
            raise WorkshopError("kubectl failed.", "Run it.", "what it said")

    monkeypatch.setattr(deployments, "kubectl", kubectl)


def test_settings_that_kubernetes_refuses_are_told_with_what_it_said(monkeypatch: pytest.MonkeyPatch):
    refusing("patch", monkeypatch)
    with pytest.raises(WorkshopError, match="Kubernetes refuses these settings") as refused:
        deployments.change(WS, {})
    assert refused.value.detail == "what it said"


def test_pods_that_do_not_become_ready_are_told_with_what_kubernetes_says_of_them(monkeypatch: pytest.MonkeyPatch):
    def late_pods(settings: object, app: str) -> None:
        raise WorkshopError("Nothing has changed lately.")

    monkeypatch.setattr(deployments, "kubectl", lambda settings, *words: None)
    monkeypatch.setattr(deployments.deploy, "ready", late_pods)
    monkeypatch.setattr(deployments.pods, "core", lambda ws: None)
    monkeypatch.setattr(deployments.explain, "of_pods", lambda api, app: f"{app} waits")
    with pytest.raises(WorkshopError, match="a new pod of payments does not become ready") as late:
        deployments.change(WS, {})
    assert late.value.detail == "payments waits"


def test_a_program_listens_if_it_answers_from_inside_its_pod(asked: list, monkeypatch: pytest.MonkeyPatch):
    assert deployments.listens(WS, "payments-1")
    assert asked[0][:5] == ("exec", "payments-1", "--", "python", "-c")
    refusing("exec", monkeypatch)
    assert not deployments.listens(WS, "payments-1")


def test_autoscalers_of_the_services_are_deleted_whatever_their_names(
    asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
):
    def scaler(name: str, target: str) -> dict:
        return {"metadata": {"name": name}, "spec": {"scaleTargetRef": {"name": target}}}

    there = [scaler("mine", "payments"), scaler("debits", "gone"), scaler("other", "shop")]
    monkeypatch.setattr(deployments, "get", lambda settings, *words: {"items": there})
    deployments.no_autoscaler(WS)
    assert asked == [("delete", "horizontalpodautoscaler", "mine", "debits", "--ignore-not-found")]
    there.clear()
    deployments.no_autoscaler(WS)
    assert len(asked) == 1


def test_a_pod_that_crashes_takes_the_request_with_it(monkeypatch: pytest.MonkeyPatch):
    refusing("exec", monkeypatch)
    deployments.post_to_pod(WS, "payments-1", "/crash")


def test_replicas_are_declared(asked: list[tuple[str, ...]]):
    deployments.scale(WS, 3, "debits")
    assert asked == [("scale", "deployment/debits", "--replicas=3")]


ZONE = "topology.kubernetes.io/zone"


def node(name: str, **labels: str) -> SimpleNamespace:
    return SimpleNamespace(metadata=SimpleNamespace(name=name, labels=labels))


def test_workers_are_the_nodes_that_have_a_zone_in_order_of_their_zones():
    nodes = [node("control-plane"), node("b", **{ZONE: "1"}), node("a", **{ZONE: "2"})]
    assert deployments.workers(SimpleNamespace(list_node=lambda: SimpleNamespace(items=nodes))) == ["b", "a"]


@pytest.mark.parametrize("status", [403, 500])
def test_who_may_not_ask_for_nodes_knows_those_of_the_pods(status: int, monkeypatch: pytest.MonkeyPatch):
    def refuse() -> None:
        raise ApiException(status=status)

    some = [Pod("p", "payments", name, "ready", "", 0, "1") for name in ("w2", "", "w1", "w2")]
    monkeypatch.setattr(deployments.pods, "pods", lambda api: some)
    api = SimpleNamespace(list_node=refuse)
    if status == 403:
        assert deployments.workers(api) == ["w1", "w2"]
    else:
        with pytest.raises(ApiException):
            deployments.workers(api)
