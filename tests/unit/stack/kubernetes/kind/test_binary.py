"""Which Go builds, and which kind is taken."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.kubernetes.kind import binary
from workshop.stack.kubernetes.kind.offline import lock
from workshop.stack.toolchain import go, versions


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("go1.26.8\n", (1, 26, 8)),
        ("go1.27", (1, 27, 0)),
        ("go1.27rc1", (1, 27, -1)),
        ("go1.26.8 X:something", (1, 26, 8)),
        ("devel +abc", ()),
    ],
)
def test_the_version_of_a_go_is_read(said: str, version: tuple[int, ...]):
    assert go.parse_version(said) == version


def test_the_go_on_the_path_is_taken_only_if_it_is_new_enough(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(go.shutil, "which", lambda name: f"/path/{name}")
    found = {"/path/go": (1, 26, 7)}
    monkeypatch.setattr(go, "version_of", lambda path: found.get(str(path), ()))
    assert go.find(settings) is None
    found["/path/go"] = versions.OLDEST_GO
    assert go.find(settings).path == Path("/path/go")
    found["/path/go"] = (1, 20)
    found[str(settings.cache / "kind" / f"go-{versions.GO_WHEEL}" / "bin" / "go")] = (1, 27, 3)
    assert settings.cache in go.find(settings).path.parents


def test_go_keeps_to_the_cache_unless_its_folders_are_set(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GOCACHE", raising=False)
    monkeypatch.setenv("GOMODCACHE", "/shared/modules")
    monkeypatch.setenv("GOFLAGS", "-buildvcs=false")
    monkeypatch.setenv("GOROOT", "/another/go")
    env = go.environment(settings)
    assert env["GOCACHE"].startswith(str(settings.cache))
    assert (env["GOMODCACHE"], env["GOROOT"]) == ("/shared/modules", "")
    assert env["GOFLAGS"] == "-buildvcs=false -modcacherw"


def test_the_programs_of_the_wheel_become_executable(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "go.whl", "w") as wheel:
        for name in ("go/bin/go", "go/pkg/tool/linux_arm64/compile", "go/src/a.go"):
            wheel.writestr(name, "")
    go.unpack_wheel(tmp_path / "go.whl", tmp_path / "unpacked")
    modes = {path.name: path.stat().st_mode & 0o111 for path in (tmp_path / "unpacked").rglob("*") if path.is_file()}
    assert modes == {"go": 0o111, "compile": 0o111, "a.go": 0}


def test_kind_on_the_path_is_taken_only_in_the_right_version(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = replace(settings, cache=tmp_path)
    monkeypatch.setattr(binary.shutil, "which", lambda name: "/path/kind")
    monkeypatch.setattr(binary, "version_of", lambda path: "v0.1.0")
    assert binary.find(settings) is None
    monkeypatch.setattr(binary, "version_of", lambda path: versions.KIND)
    assert binary.find(settings) == Path("/path/kind")
    assert binary.kind_binary(settings, Timeline(Console(file=io.StringIO()))) == Path("/path/kind")


def test_without_kind_and_without_go_both_ways_are_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(settings: Settings, timeline: Timeline) -> None:
        raise WorkshopError("There is no Go.", detail="the index was not reached")

    monkeypatch.setattr(binary, "find", lambda settings: None)
    monkeypatch.setattr(go, "provide", refuse)
    with pytest.raises(WorkshopError, match=rf"kind {versions.KIND} is not on the PATH.*Install kind.*or Go") as caught:
        binary.kind_binary(settings, Timeline(Console(file=io.StringIO())))
    assert caught.value.detail == "the index was not reached"


def test_go_mod_takes_the_parts_of_kubernetes_as_they_are_published():
    kubernetes = """module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
\tgithub.com/spf13/cobra v1.10.0
\tgithub.com/vishvananda/netlink v1.3.1
\tgoogle.golang.org/grpc v1.80.0
\tk8s.io/api v0.0.0
\tk8s.io/kube-openapi v0.0.0-20260721132016-d427ff9ee9ad
)

require (
\tgo.etcd.io/etcd/server/v3 v3.7.0 // indirect
\tk8s.io/mount-utils v0.0.0 // indirect
)
"""
    written = lock.go_mod(kubernetes, "v1.37.2")
    assert written.startswith("module workshop/node\n\ngo 1.26.0\n")
    assert "replace k8s.io/api => k8s.io/api v0.37.2\nrequire k8s.io/api v0.37.2\n" in written
    assert "require k8s.io/mount-utils v0.37.2\n" in written
    assert "require go.etcd.io/etcd/server/v3 v3.7.0\n" in written
    assert "kube-openapi" not in written
