"""The services on Kubernetes: their manifests' inputs, and what a wait sees. No cluster is asked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.kubernetes import deploy, kubectl


def test_the_objects_hold_the_configuration_and_the_secret_apart():
    config, secret = deploy._objects("shop", {"A": "1"}, {"password": "x"})
    assert (config["kind"], config["data"]) == ("ConfigMap", {"A": "1"})
    assert (secret["kind"], secret["stringData"]) == ("Secret", {"password": "x"})
    assert {one["metadata"]["namespace"] for one in (config, secret)} == {"shop"}


def test_without_a_secret_there_is_none():
    assert [one["kind"] for one in deploy._objects("shop", {}, {})] == ["ConfigMap"]


def test_the_programs_are_the_files_of_the_services_image(settings: Settings):
    names = {str(path.relative_to(settings.root / "infra")) for path in deploy.program_files(settings)}
    assert "services/debits.py" in names
    assert "workshop/kafka/consume.py" in names
    assert not any(name.startswith("workshop/stack") for name in names)


def look(settings: Settings, monkeypatch: pytest.MonkeyPatch, pods: list[dict] | WorkshopError) -> object:
    def late(*words: object, **more: object) -> None:
        raise WorkshopError("timed out")

    def get(*words: object) -> dict:
        if isinstance(pods, WorkshopError):
            raise pods
        return {"items": pods}

    monkeypatch.setattr(kubectl, "kubectl", late)
    monkeypatch.setattr(kubectl, "get", get)
    return deploy._look(settings, "payments")


def test_a_rollout_that_is_not_complete_is_told_by_its_pods(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    found = look(settings, monkeypatch, [])
    assert found.answer is None
    assert found.missing.startswith("the service payments to be ready (")


def test_an_api_that_does_not_answer_is_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kubectl, "may_pass", lambda error: True)
    found = look(settings, monkeypatch, WorkshopError("away"))
    assert found.missing == "the service payments to be ready (the Kubernetes API does not answer)"


def test_an_error_that_does_not_pass_is_raised(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kubectl, "may_pass", lambda error: False)
    with pytest.raises(WorkshopError, match="forbidden"):
        look(settings, monkeypatch, WorkshopError("forbidden"))


def pod(reason: str) -> dict:
    waiting = {"reason": reason, "message": "no such host"}
    return {"status": {"containerStatuses": [{"image": "reg/services:1", "state": {"waiting": waiting}}]}}


@pytest.mark.parametrize(("reason", "final"), [("ImagePullBackOff", True), ("ContainerCreating", False)])
def test_in_somebody_elses_cluster_an_image_that_cannot_be_pulled_is_final(
    settings: Settings, reason: str, final: bool, monkeypatch: pytest.MonkeyPatch
):
    pods = [{"status": {}}, pod(reason)]
    assert deploy._no_image(settings, pods) is None
    monkeypatch.setattr(deploy.objects, "kept", lambda state: SimpleNamespace())
    found = deploy._no_image(settings, pods)
    assert (found is not None) == final
    if found:
        assert "cannot pull the services' image reg/services:1: ImagePullBackOff" in found.happened
        assert found.detail == "no such host"


def test_deployments_alone_are_replaced_as_they_were_delivered(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple] = []
    manifests = "kind: Deployment\nmetadata: {name: debits}\n---\nkind: Service\nmetadata: {name: payments}\n"

    def run(settings: Settings, *words: str, **more: object) -> str:
        asked.append(words)
        return manifests if words[0] == "kustomize" else ""

    monkeypatch.setattr(kubectl, "kubectl", run)
    monkeypatch.setattr(kubectl, "namespace", lambda settings: "shop")
    deploy.as_delivered(settings)
    replaced = [words[2] for words in asked if words[0] == "replace"]
    assert replaced == ["/apis/apps/v1/namespaces/shop/deployments/debits"]
    assert [words[2] for words in asked if words[:2] == ("rollout", "status")] == [
        f"deployment/{name}" for name in deploy.DEPLOYMENTS
    ]
