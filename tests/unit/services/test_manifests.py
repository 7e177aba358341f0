"""The services' manifests, as kubectl renders them: what every container of a careful user has."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # comes with the Kubernetes client

FOLDER = Path(__file__).parents[3] / "infra/deploy/kubernetes/services"
NAMES = {"payments", "debits", "fraud-alerts"}


@pytest.fixture(scope="module")
def manifests() -> list[dict]:
    return _rendered("kustomize", str(FOLDER))


def test_all_are_in_one_namespace_and_carry_the_services_names(manifests: list[dict]):
    assert {one["metadata"]["namespace"] for one in manifests} == {"workshop"}
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert {one["metadata"]["name"] for one in manifests if one["kind"] == kind} == NAMES


def test_a_selector_finds_the_pods_of_its_own_service(manifests: list[dict]):
    for one in manifests:
        selector = one["spec"]["selector"]
        labels = selector.get("matchLabels", selector)
        assert labels == {"app.kubernetes.io/name": one["metadata"]["name"]}
    for template in (one["spec"]["template"] for one in _deployments(manifests)):
        assert template["metadata"]["labels"]["app.kubernetes.io/part-of"] == "workshop"


def test_every_container_has_probes_bounds_and_no_rights(manifests: list[dict]):
    for deployment in _deployments(manifests):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        for container in pod["containers"]:
            probes = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")]
            assert probes == ["/healthz", "/healthz", "/readyz"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert all(port["containerPort"] >= 1024 for port in container["ports"])
            assert {"configMapRef": {"name": "workshop"}} in container["envFrom"]
            told = {env["name"] for env in container["env"] if "valueFrom" in env}
            assert told == {"POD_NAME", "POD_IP", "NODE_NAME"}


def test_a_service_has_left_before_its_time_is_over(manifests: list[dict]):
    for deployment in _deployments(manifests):
        pod = deployment["spec"]["template"]["spec"]
        for container in pod["containers"]:
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            needs = next(int(env["value"]) for env in container["env"] if env["name"] == "SHUTDOWN_SECONDS")
            assert pause + needs < pod["terminationGracePeriodSeconds"]


def test_a_release_takes_no_replica_away_and_a_drain_may_take_one(manifests: list[dict]):
    replicas = {one["metadata"]["name"]: one["spec"]["replicas"] for one in _deployments(manifests)}
    assert replicas == {"payments": 2, "debits": 1, "fraud-alerts": 1}
    for deployment in _deployments(manifests):
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    for budget in (one for one in manifests if one["kind"] == "PodDisruptionBudget"):
        stays = budget["spec"].get("minAvailable", 0)
        assert stays < replicas[budget["metadata"]["name"]]


def test_the_command_is_a_module_of_the_image(manifests: list[dict]):
    for deployment in _deployments(manifests):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            python, flag, module = container["command"]
            assert (python, flag) == ("python", "-m")
            assert importlib.util.find_spec(module)


def test_the_autoscaler_is_of_a_deployment_and_stands_apart(manifests: list[dict]):
    text = (FOLDER / "autoscaling.yaml").read_text()
    assert not [one for one in manifests if one["kind"] == "HorizontalPodAutoscaler"]
    assert "autoscaling.yaml" not in (FOLDER / "kustomization.yaml").read_text().split("resources:")[1]
    assert "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: payments}" in text


def _deployments(manifests: list[dict]) -> list[dict]:
    return [one for one in manifests if one["kind"] == "Deployment"]


def _rendered(*words: str) -> list[dict]:
    kubectl = str(Path(sys.executable).parent / "kubectl")
    text = subprocess.run([kubectl, *words], capture_output=True, text=True, timeout=60, check=True).stdout
    return list(yaml.safe_load_all(text))
