"""The kind backend's decisions, with a Docker that is played: whose a cluster is, what is missing, which backend is taken."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from workshop.base.errors import WorkshopError
from workshop.base.settings import Ports, Settings
from workshop.stack.backends import choice as backends
from workshop.stack.kubernetes.kind import engine, images, preflight
from workshop.stack.kubernetes.kind.nodes import Nodes, Record

GOOD = {"MemTotal": 8e9, "OSType": "linux", "Architecture": "x86_64", "CgroupVersion": "2", "DockerRootDir": "/nowhere"}


@pytest.fixture
def limits(tmp_path: Path) -> Path:
    """A folder with the limits of a machine that carries a cluster, whatever those of this one are."""
    folder = tmp_path / "inotify"
    folder.mkdir()
    (folder / "max_user_instances").write_text("512\n")
    (folder / "max_user_watches").write_text("524288\n")
    return folder


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch, limits: Path) -> dict[str, str]:
    """A Docker that knows these containers: name to id."""
    there: dict[str, str] = {}
    monkeypatch.setattr(preflight, "LIMITS", limits)
    monkeypatch.setattr(engine, "containers", lambda cluster, *, all_of_them=True: dict(there))
    monkeypatch.setattr(engine, "answers", lambda: "")
    monkeypatch.setattr(engine, "info", lambda: GOOD)
    return there


def recorded(settings: Settings, **more: str | int) -> Nodes:
    nodes = Nodes(settings)
    about = {
        "name": nodes.name,
        "image": "i",
        "definition": nodes._definition(),
        "first_port": 19090,
        "control_plane": "id-1",
    }
    nodes._write(Record(**{**about, **more}))
    return nodes


def all_nodes(nodes: Nodes, control_plane: str = "id-1") -> dict[str, str]:
    workers = {f"{nodes.name}-worker{n}": f"id-w{n}" for n in ("", "2", "3")}
    return {f"{nodes.name}-control-plane": control_plane, **workers}


def test_two_checkouts_have_two_clusters(settings: Settings, tmp_path: Path):
    other = replace(settings, state=tmp_path / "another")
    assert Nodes(settings).name != Nodes(other).name
    assert Nodes(replace(settings, cluster="mine")).name == "mine"


def test_a_cluster_that_is_not_ours_is_left_alone(settings: Settings, docker: dict[str, str]):
    nodes = Nodes(settings)
    docker |= all_nodes(nodes)
    for act in (nodes.state, nodes.stop, lambda: nodes.delete(Path("/no/kind"))):
        with pytest.raises(WorkshopError, match=r"that this checkout did not make; it is left alone.*WORKSHOP_CLUSTER"):
            act()


def test_a_cluster_made_anew_by_somebody_under_our_name_is_not_ours(settings: Settings, docker: dict[str, str]):
    nodes = recorded(settings)
    docker |= all_nodes(nodes, control_plane="somebody's")
    with pytest.raises(WorkshopError, match="did not make"):
        nodes.state()


def test_what_state_a_cluster_is_in(settings: Settings, docker: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    assert Nodes(settings).state() == "none"
    nodes = recorded(settings)
    docker |= all_nodes(nodes)
    assert nodes.state() == "running"
    monkeypatch.setattr(engine, "containers", lambda cluster, *, all_of_them=True: dict(docker) if all_of_them else {})
    assert nodes.state() == "stopped"
    docker.pop(f"{nodes.name}-worker2")
    assert nodes.state() == "half", "a node was taken away: what is left cannot become whole again"
    recorded(settings, control_plane="")
    assert nodes.state() == "half", "it was being made when the power went"


def test_a_cluster_of_another_version_is_named_and_not_touched(settings: Settings, docker: dict[str, str]):
    nodes = recorded(settings, image="kindest/node:v1.30.0")
    with pytest.raises(WorkshopError, match=r"another version.*v1\.30\.0.*workshop reset"):
        nodes.must_fit("kindest/node:v1.37.0")
    recorded(settings, image="i").must_fit("i")


def test_a_damaged_record_counts_as_none(settings: Settings):
    nodes = recorded(settings)
    for text in ("", "{", "[]", '{"name": 1}'):
        nodes._file.write_text(text)
        assert nodes.record() is None


def test_the_definition_maps_every_port_to_loopback_only(settings: Settings):
    from string import Template

    from workshop.stack.kubernetes.kind.nodes import _ports

    text = Template(Nodes(settings)._template()).substitute(_ports(Ports(19090)))
    definition = yaml.safe_load(text)
    mapped = definition["nodes"][0]["extraPortMappings"]
    assert {entry["listenAddress"] for entry in mapped} == {"127.0.0.1"}
    assert definition["networking"]["apiServerAddress"] == "127.0.0.1"
    assert [entry["hostPort"] for entry in mapped] == [19091, 19092, 19093, 19105]
    assert [node["role"] for node in definition["nodes"]] == ["control-plane", "worker", "worker", "worker"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"MemTotal": 2e9}, r"Docker's memory: 2\.0 GB.*Give Docker 4 GB"),
        ({"OSType": "windows"}, r"Docker's containers: windows.*Linux containers"),
    ],
)
def test_what_a_cluster_cannot_work_with_is_said_before_anything_starts(
    settings: Settings, docker: dict[str, str], monkeypatch: pytest.MonkeyPatch, changed: dict, says: str
):
    monkeypatch.setattr(engine, "info", lambda: {**GOOD, **changed})
    with pytest.raises(WorkshopError, match=says):
        preflight.must_pass(settings)


@pytest.mark.parametrize("name", ["max_user_instances", "max_user_watches"])
def test_a_limit_that_is_too_low_is_named_with_the_command_that_raises_it(
    settings: Settings, docker: dict[str, str], limits: Path, name: str
):
    preflight.must_pass(settings)
    (limits / name).write_text("128\n")
    with pytest.raises(WorkshopError, match=rf"inotify {name}: 128\.(?s:.*)sudo sysctl fs\.inotify\.{name}="):
        preflight.must_pass(settings)


def test_a_cluster_that_was_made_needs_less_of_the_disk_than_one_to_be_made(
    settings: Settings, docker: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(engine, "info", lambda: {**GOOD, "DockerRootDir": str(tmp_path)})
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda root: SimpleNamespace(free=2e9))
    with pytest.raises(WorkshopError, match=r"Docker's disk: 2\.0 GB free, 6 needed"):
        preflight.must_pass(settings)
    recorded(settings)
    preflight.must_pass(settings)


def test_cgroup_v1_is_mentioned_and_does_not_stop(settings: Settings, docker: dict, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "info", lambda: {**GOOD, "CgroupVersion": "1"})
    found = {finding.what: finding for finding in preflight.measure(settings)}
    assert not found["cgroups"].good
    assert not found["cgroups"].stops
    preflight.must_pass(settings)


def test_auto_takes_kind_where_it_can_and_says_why_where_not(
    settings: Settings, docker: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    auto = replace(settings, backend="auto")
    monkeypatch.setattr(images, "can_be_had", lambda settings: "")
    backend, why = backends.choose(auto)
    assert (backend.name, "a Docker engine answers" in why) == ("kind", True)
    monkeypatch.setattr(images, "can_be_had", lambda settings: "the node image is not there")
    backend, why = backends.choose(auto)
    assert (backend.name, "the node image is not there" in why) == ("local", True)
    monkeypatch.setattr(engine, "answers", lambda: "no Docker engine answers")
    backend, why = backends.choose(auto)
    assert (backend.name, "no Docker engine answers" in why) == ("local", True)


def test_a_stack_that_is_here_keeps_its_backend(settings: Settings, docker: dict[str, str]):
    recorded(settings.of("kind"))
    assert backends.choose(replace(settings, backend="auto"))[0].name == "kind"
    assert backends.choose(replace(settings, backend="local"))[0].name == "local", "its data lie beside the cluster's"


def test_one_stack_runs_at_a_time(settings: Settings, docker: dict[str, str]):
    nodes = recorded(settings.of("kind"))
    docker |= all_nodes(nodes)
    with pytest.raises(
        WorkshopError, match=r"backend kind runs here.*workshop down --backend kind.*up --backend local"
    ):
        backends.choose(replace(settings, backend="local"))
    assert backends.choose(replace(settings, backend="kind"))[0].name == "kind"


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (b"Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", "Start Docker"),
        (b"permission denied while trying to connect to the Docker daemon socket", "Join its group"),
        (b"write /x: no space left on device", "docker system prune"),
        (b"Get https://r/v2/: dial tcp: lookup r: no such host", "WORKSHOP_REGISTRY_MIRROR"),
    ],
)
def test_what_docker_says_becomes_a_next_step(monkeypatch: pytest.MonkeyPatch, said: bytes, advice: str):
    done = subprocess.CompletedProcess([], 1, b"", said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(WorkshopError) as error:
        engine.docker("pull", "x")
    assert advice in error.value.next_step


def test_an_engine_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch):
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("docker", 1)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(WorkshopError, match=r"did not end within .* s"):
        engine.docker("version")


def test_brokers_run_as_pods_with_what_the_settings_say(settings: Settings):
    from workshop.stack.kubernetes.kind.brokers import settings_map

    data = settings_map(settings, Ports(19090), "a-cluster")["data"]
    assert data["cluster-id"] == "a-cluster"
    assert sorted(data) == ["cluster-id", "node-1.properties", "node-2.properties", "node-3.properties"]
    assert "OUTSIDE://127.0.0.1:19093" in data["node-3.properties"]
    assert json.dumps(data), "it is a manifest"
