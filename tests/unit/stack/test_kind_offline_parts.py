"""What node images take from source: the version flags, kind's own settings, and the images' names."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from workshop.stack.kubernetes.kind.offline import bases, metrics, node, programs, trees
from workshop.stack.kubernetes.kind.offline.kind_source import FILES, KindSource
from workshop.stack.toolchain.shell import BuildFailed


def test_the_version_of_a_program_is_that_of_kubernetes():
    flags = programs._version_flags("v1.37.2")
    for value in ("gitVersion=v1.37.2", "gitMajor=1", "gitMinor=37", "gitTreeState=clean"):
        assert f"-X k8s.io/component-base/version.{value}" in flags


class Go:
    """A Go that notes what it builds."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.built: list[tuple] = []

    def fetch(self, shell: object, module: object) -> Path:
        return self.source

    def build(self, shell: object, source: Path, made: Path, packages: tuple, *flags: str) -> None:
        self.built.append((source, packages, flags))


def test_a_module_is_compiled_within_a_copy_of_its_own_source(tmp_path: Path):
    source = tmp_path / "cache"
    source.mkdir()
    (source / "go.sum").write_text("pins")
    go = Go(source)
    site = SimpleNamespace(go=go, shell=None, scratch=tmp_path / "scratch")
    site.scratch.mkdir()
    programs.of(SimpleNamespace(), "./cmd/a", "./cmd/b")(site, tmp_path / "made")
    ((built, packages, flags),) = go.built
    assert (built / "go.sum").read_text() == "pins"
    assert built != source
    assert packages == ("./cmd/a", "./cmd/b")
    assert programs.TAGS in flags


def kind_source(folder: Path, config: str) -> KindSource:
    file = folder / FILES / "etc/containerd/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(config)
    return KindSource(folder)


def test_the_first_image_of_a_pod_is_the_one_that_kind_names(tmp_path: Path):
    config = '[plugins]\n  # sandbox_image = "old"\n  sandbox_image = "registry.k8s.io/pause:3.10"\n'
    assert kind_source(tmp_path, config).pause_image == "registry.k8s.io/pause:3.10"


def test_settings_without_that_image_are_a_failed_build(tmp_path: Path):
    with pytest.raises(BuildFailed, match="name no sandbox image"):
        _ = kind_source(tmp_path, "[plugins]\n").pause_image


def test_metrics_server_is_one_program_in_an_empty_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    packed: list[tuple] = []
    monkeypatch.setattr(node, "pack_image", lambda *about: packed.append(about))
    (tmp_path / "built").write_text("a program")
    site = SimpleNamespace(scratch=tmp_path / "scratch", made=lambda *names: tmp_path / "built")
    metrics.image(site, tmp_path / "made")
    ((_, tree, name, config, archive),) = packed
    assert sorted(path.name for path in tree.iterdir()) == ["metrics-server", "tmp"]
    assert (tree / "metrics-server").stat().st_mode & 0o111
    assert name == metrics.NAME
    assert "/metrics-server" in json.dumps(config)
    assert archive == tmp_path / "made/metrics-server.tar.zst"


def test_the_stand_in_for_pythons_image_has_the_commands_of_the_public_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    packed: list[tuple] = []
    removed: list[str] = []
    (tmp_path / "usr/bin").mkdir(parents=True)
    monkeypatch.setattr(trees, "with_packages", lambda site, *names: tmp_path)
    monkeypatch.setattr(trees, "remove", lambda tree, names: removed.extend(names))
    monkeypatch.setattr(node, "pack_image", lambda *about: packed.append(about))
    bases.python(SimpleNamespace(key="abc"), tmp_path / "made")
    assert (tmp_path / "usr/bin/python").readlink() == Path("python3")
    assert any(name.endswith("EXTERNALLY-MANAGED") for name in removed)
    assert packed[0][2] == f"docker.io/{bases.python_name('abc')}"
