"""The node agent's parts that need no cluster: names of images, variables, paths, the rules of a pod's phase."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from node_agent.api import ApiError
from node_agent.kubelet import container, environment, fields, images, status
from node_agent.kubelet.container import Container
from node_agent.kubelet.volumes import NotYet, Volumes

ROOT = Path(__file__).resolve().parents[3]
POD = {
    "metadata": {
        "name": "one",
        "namespace": "here",
        "uid": "u-1",
        "labels": {"app": "x", "b": "2"},
        "annotations": {"note/it": "said"},
    },
    "spec": {"nodeName": "worker-1", "containers": [{"name": "main", "resources": {"limits": {"memory": "64Mi"}}}]},
    "status": {},
}


class FakeApi:
    """Config maps and secrets by their paths; what is not there is refused, as the API server does."""

    def __init__(self, held: dict[str, dict]) -> None:
        self.held = held

    async def referenced(self, path: str) -> dict:
        if path not in self.held:
            raise ApiError(404, "not found")
        return self.held[path]


# -- images


def test_the_workshops_own_image_is_a_program() -> None:
    image = images.find(ROOT, "workshop/services:1")
    assert image.folder == ROOT / "infra"
    assert image.entry == ("python", "-m", "services.payments")


@pytest.mark.parametrize(
    ("name", "policy", "reason"),
    [
        ("nginx:1.27", "IfNotPresent", "ErrImagePull"),
        ("nginx:1.27", "Never", "ErrImageNeverPull"),
        ("Not A Name", "IfNotPresent", "InvalidImageName"),
    ],
)
def test_another_image_gets_kubernetes_own_word_and_a_sentence(name: str, policy: str, reason: str) -> None:
    with pytest.raises(images.NoSuchImage) as caught:
        images.find(ROOT, name, policy)
    assert caught.value.reason == reason
    assert name in str(caught.value)


def test_a_user_adds_a_line(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / "infra/images.toml").write_text(
        '["mine:1"]\nfolder = "app"\nentry = ["sh", "run.sh"]\nenv = {A = "1"}\n'
    )
    image = images.find(tmp_path, "mine:1")
    assert (image.folder, image.entry, image.env["A"]) == (tmp_path / "app", ("sh", "run.sh"), "1")
    (tmp_path / "infra/images.toml").write_text('["mine:1"]\nfolder = "gone"\n["two:1"]\nentry = "sh"\n')
    for name, said in (("mine:1", "which is not there"), ("two:1", "no list of words")):
        with pytest.raises(images.NoSuchImage, match=said):
            images.find(tmp_path, name)
    (tmp_path / "infra/images.toml").write_text("[broken")
    with pytest.raises(images.NoSuchImage, match="cannot be read"):
        images.find(tmp_path, "mine:1")


# -- fields and variables


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "one"),
        ("metadata.labels['app']", "x"),
        ("metadata.annotations['note/it']", "said"),
        ("metadata.labels", 'app="x"\nb="2"'),
        ("spec.nodeName", "worker-1"),
        ("status.podIP", "127.9.1.2"),
        ("spec.serviceAccountName", ""),
    ],
)
def test_fields(path: str, value: str) -> None:
    assert fields.of_pod(POD, path, {"status.podIP": "127.9.1.2"}) == value


@pytest.mark.parametrize(
    ("resource", "divisor", "value"), [("limits.memory", "1Mi", "64"), ("requests.memory", "0", str(64 << 20))]
)
def test_resources(resource: str, divisor: str, value: str) -> None:
    pod = {
        "spec": {
            "containers": [
                {"name": "main", "resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "64Mi"}}}
            ]
        }
    }
    assert fields.of_resources(pod, "main", {"resource": resource, "divisor": divisor}) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("$(A)-$(B)", "1-$(B)"), ("$$(A)", "$(A)"), ("$A", "$A"), ("$$$(A)", "$1"), ("price $5", "price $5")],
)
def test_references_are_expanded_as_kubernetes_does(text: str, value: str) -> None:
    assert environment.expanded(text, {"A": "1"}) == value


def test_variables_come_from_everywhere() -> None:
    api = FakeApi(
        {
            "/api/v1/namespaces/here/configmaps/settings": {"data": {"k": "v", "port": "80"}},
            "/api/v1/namespaces/here/secrets/key": {"data": {"token": "c2VjcmV0"}},
        }
    )
    container = {
        "name": "main",
        "envFrom": [{"prefix": "S_", "configMapRef": {"name": "settings"}}],
        "env": [
            {"name": "URL", "value": "http://x:$(S_port)"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "key", "key": "token"}}},
            {"name": "NO", "valueFrom": {"configMapKeyRef": {"name": "gone", "key": "k", "optional": True}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
    }
    env = asyncio.run(environment.build(api, POD, container, {"PATH": "/bin"}, {}))
    assert env == {"PATH": "/bin", "S_k": "v", "S_port": "80", "URL": "http://x:80", "TOKEN": "secret", "NAME": "one"}


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ({"configMapKeyRef": {"name": "gone", "key": "k"}}, 'configmap "gone" not found'),
        ({"secretKeyRef": {"name": "gone", "key": "k"}}, 'secret "gone" not found'),
        ({"configMapKeyRef": {"name": "there", "key": "no"}}, "couldn't find key no in ConfigMap here/there"),
    ],
)
def test_what_is_missing_is_said_as_a_kubelet_says_it(variable: dict, said: str) -> None:
    api = FakeApi({"/api/v1/namespaces/here/configmaps/there": {"data": {}}})
    container = {"name": "main", "env": [{"name": "X", "valueFrom": variable}]}
    with pytest.raises(environment.ConfigError, match=said):
        asyncio.run(environment.build(api, POD, container, {}, {}))


# -- volumes


def volumes(tmp_path: Path, spec: list[dict], held: dict[str, dict] | None = None) -> Volumes:
    pod = {**POD, "spec": {**POD["spec"], "volumes": spec}}
    made = Volumes(FakeApi(held or {}), tmp_path, pod)
    asyncio.run(made.make(pod))
    return made


def test_a_mount_path_is_replaced_where_it_stands_as_a_path(tmp_path: Path) -> None:
    made = volumes(tmp_path, [{"name": "data", "emptyDir": {}}, {"name": "deep", "emptyDir": {}}])
    mounts = [{"name": "data", "mountPath": "/etc/app"}, {"name": "deep", "mountPath": "/etc/app/deep/"}]
    replace = made.replaced({"volumeMounts": mounts})
    data, deep = tmp_path / "data", tmp_path / "deep"
    assert replace("cat /etc/app/key") == f"cat {data}/key"
    assert replace("/etc/app") == str(data)
    assert replace("x=/etc/app/deep/y:/etc/app") == f"x={deep}/y:{data}"
    assert replace("/etc/application /my/etc/app /etc/app.bak") == "/etc/application /my/etc/app /etc/app.bak"
    assert replace("open('/etc/app/k')") == f"open('{data}/k')"


def test_maps_become_files_and_follow_their_map(tmp_path: Path) -> None:
    path = "/api/v1/namespaces/here/configmaps/m"
    held = {path: {"data": {"a": "1", "b": "2"}}}
    spec = [{"name": "v", "configMap": {"name": "m", "defaultMode": 0o400}}]
    made = volumes(tmp_path, spec, held)
    assert {file.name: file.read_text() for file in (tmp_path / "v").iterdir()} == {"a": "1", "b": "2"}
    assert (tmp_path / "v/a").stat().st_mode & 0o777 == 0o400
    held[path] = {"data": {"a": "3"}}
    asyncio.run(made.make({**POD, "spec": {"volumes": spec}}))
    assert {file.name: file.read_text() for file in (tmp_path / "v").iterdir()} == {"a": "3"}


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        ({"configMap": {"name": "gone"}}, 'configmap "gone" not found'),
        ({"secret": {"secretName": "gone"}}, 'secret "gone" not found'),
        ({"persistentVolumeClaim": {"claimName": "c"}}, "nodes without Docker do not have"),
        ({"hostPath": {"path": "/no/such"}}, "is not there"),
    ],
)
def test_a_volume_that_cannot_be_had_is_told(tmp_path: Path, volume: dict, said: str) -> None:
    with pytest.raises(NotYet, match=said):
        volumes(tmp_path, [{"name": "v", **volume}])


# -- phases


def pod_of(policy: str, *states: dict, inits: tuple[dict, ...] = (), leaving: bool = False) -> SimpleNamespace:
    pod = SimpleNamespace(
        policy=policy, leaving=leaving, failed_for=None, initialized=not inits, has_inits=bool(inits), folder=Path("/")
    )

    def made(state: dict, *, init: bool) -> Container:
        one = Container(pod, {"name": "x"}, init=init)
        one.state = state
        return one

    pod.mains = [made(state, init=False) for state in states]
    pod.inits = [made(state, init=True) for state in inits]
    pod.containers = {str(number): one for number, one in enumerate([*pod.inits, *pod.mains])}
    return pod


WAITS, RUNS = {"waiting": {"reason": "ContainerCreating"}}, {"running": {"startedAt": "t"}}
GOOD, BAD = {"terminated": {"exitCode": 0}}, {"terminated": {"exitCode": 3}}


@pytest.mark.parametrize(
    ("pod", "phase"),
    [
        (pod_of("Always", WAITS), "Pending"),
        (pod_of("Always", RUNS, WAITS), "Running"),
        (pod_of("Always", BAD), "Running"),
        (pod_of("Never", GOOD), "Succeeded"),
        (pod_of("Never", GOOD, BAD), "Failed"),
        (pod_of("Never", BAD, RUNS), "Running"),
        (pod_of("OnFailure", BAD), "Running"),
        (pod_of("OnFailure", GOOD), "Succeeded"),
        (pod_of("Always", GOOD, leaving=True), "Succeeded"),
        (pod_of("Never", WAITS, inits=(BAD,)), "Failed"),
        (pod_of("Always", WAITS, inits=(BAD,)), "Pending"),
        (pod_of("Always", WAITS, inits=(RUNS,)), "Pending"),
    ],
)
def test_phases(pod: SimpleNamespace, phase: str) -> None:
    assert status._phase(pod) == phase


def test_an_address_that_is_another_one_now_takes_the_place_of_the_old() -> None:
    pod = pod_of("Always", RUNS)
    pod.host_address, pod.api_address, pod.sandboxed = "127.9.0.1", "10.244.1.2", True
    pod.manifest, pod.started_at, pod.told = POD, "t", {}
    pod.resize_conditions = {}
    pod.mains[0].spec["image"] = "workshop/services:1"
    told = status.of_pod(pod)
    # A strategic merge patch adds to a list unless it is told to replace it, and a pod has one address of a kind.
    assert told["podIPs"] == [{"$patch": "replace"}, {"ip": "10.244.1.2"}]
    assert told["hostIPs"] == [{"$patch": "replace"}, {"ip": "127.9.0.1"}]


# -- while the control plane is away


def test_a_container_whose_variables_cannot_be_read_now_is_started_when_they_can(monkeypatch) -> None:
    class Away(FakeApi):
        asked = 0

        async def referenced(self, path: str) -> dict:
            self.asked += 1
            if self.asked < 3:
                raise OSError("connection refused")
            return await super().referenced(path)

    pod = pod_of("Always", WAITS)
    pod.api = Away({"/api/v1/namespaces/here/configmaps/m": {"data": {"k": "v"}}})
    pod.root, pod.manifest, pod.seen_here = ROOT, POD, {}
    pod.volumes = SimpleNamespace(replaced=lambda spec: lambda text: text)
    pod.base_environment = lambda name: {}
    one = pod.mains[0]
    one.spec |= {"image": "workshop/services:1", "envFrom": [{"configMapRef": {"name": "m"}}]}
    monkeypatch.setattr(container, "CONFIG_RETRY", 0.01)
    asyncio.run(one._prepare())
    assert one._env["k"] == "v"
    assert one.state == WAITS  # nothing is wrong with it, so nothing is told
