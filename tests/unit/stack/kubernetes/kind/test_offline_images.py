"""Images from small trees, and what goes into those trees: texts of kind's source, Debian, libraries, a runtime."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import tarfile
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.kubernetes.kind.offline import archive, node, steps, system, trees
from workshop.stack.kubernetes.kind.offline.archive import Image
from workshop.stack.kubernetes.kind.offline.go_constants import constant
from workshop.stack.toolchain.shell import BuildFailed


def tree(folder: Path) -> Path:
    """A small tree: a file, a program, a link, a second name of the same file."""
    (folder / "etc").mkdir(parents=True)
    (folder / "etc" / "file").write_text("content")
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o755)
    (folder / "etc" / "link").symlink_to("/program")
    (folder / "second-name").hardlink_to(folder / "program")
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (1_700_000_000, 1_700_000_000.5), follow_symlinks=False)
    return folder


def read(path: Path) -> dict[str, bytes]:
    """The files of an archive, by name."""
    with tarfile.open(path) as found:
        return {entry.name: found.extractfile(entry).read() for entry in found if entry.isfile()}


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_same_trees_give_the_same_archive(tmp_path: Path):
    for name in ("one", "two"):
        image = Image("docker.io/workshop/tried:v1", (tree(tmp_path / name),), {"Cmd": ["sh"]})
        archive.write(tmp_path / f"{name}.tar", [image])
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_an_archive_is_an_oci_layout_that_docker_reads_too(tmp_path: Path):
    base, added = tree(tmp_path / "base"), tmp_path / "added"
    added.mkdir()
    images = [Image("docker.io/a:v1", (base,), {"Cmd": ["a"]}), Image("docker.io/b:v2", (base, added), {"Cmd": ["b"]})]
    archive.write(tmp_path / "images.tar", images)
    files = read(tmp_path / "images.tar")
    blobs = {name: content for name, content in files.items() if name.startswith("blobs/")}
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert len(blobs) == 2 * 2 + 2  # a config and a manifest each, and the layer they share once
    assert all(name.rpartition("/")[2] == sha256_of(content) for name, content in blobs.items())

    index = json.loads(files["index.json"])["manifests"]
    assert [entry["annotations"]["io.containerd.image.name"] for entry in index] == ["docker.io/a:v1", "docker.io/b:v2"]
    for entry, of_docker, image in zip(index, json.loads(files["manifest.json"]), images, strict=True):
        manifest = json.loads(files[f"blobs/{entry['digest'].replace(':', '/')}"])
        config = json.loads(files[of_docker["Config"]])
        assert of_docker["RepoTags"] == [image.name]
        assert config["config"] == image.config
        assert config["architecture"] == entry["platform"]["architecture"] == archive.architecture()
        contents = [f"sha256:{sha256_of(files[layer])}" for layer in of_docker["Layers"]]
        assert config["rootfs"]["diff_ids"] == contents == [layer["digest"] for layer in manifest["layers"]]


def test_a_packed_layer_keeps_the_digest_of_its_content(tmp_path: Path):
    def compress(plain: Path, packed: Path) -> None:
        packed.write_bytes(plain.read_bytes()[::-1])
        plain.unlink()

    image = Image("docker.io/a:v1", (tree(tmp_path / "tree"),))
    archive.write(tmp_path / "plain.tar", [image])
    archive.write(tmp_path / "packed.tar", [image], compress)
    plain, packed = (read(tmp_path / f"{name}.tar") for name in ("plain", "packed"))
    configs = [json.loads(files[json.loads(files["manifest.json"])[0]["Config"]]) for files in (plain, packed)]
    assert configs[0]["rootfs"] == configs[1]["rootfs"]
    manifest = json.loads(packed["index.json"])["manifests"][0]["digest"]
    layer = json.loads(packed[f"blobs/{manifest.replace(':', '/')}"])["layers"][0]
    assert layer["mediaType"].endswith("tar+zstd")


def test_a_layer_keeps_modes_links_and_second_names(tmp_path: Path):
    archive.tar(tree(tmp_path / "tree"), tmp_path / "layer.tar")
    with tarfile.open(tmp_path / "layer.tar") as layer:
        entries = {entry.name: entry for entry in layer}
    assert list(entries) == [".", "./etc", "./etc/file", "./etc/link", "./program", "./second-name"]
    assert entries["./program"].mode & 0o777 == 0o755
    assert entries["./etc/link"].linkname == "/program"
    assert entries["./second-name"].islnk()
    assert {(entry.uname, entry.mtime) for entry in entries.values()} == {("", 1_700_000_000)}


def test_another_machine_than_those_two_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive.platform, "machine", lambda: "riscv64")
    with pytest.raises(WorkshopError, match=r"amd64 or arm64; this machine is riscv64"):
        archive.architecture()


GO_FILE = """package p

// const commented = "no"
const image = "docker.io/some/image:v1"
const typed string = "typed"
const manifest = `
image: ` + image + `
text: "quoted" and \\ and /* nothing */` + "\\n\\"end\\""
const (
\tgrouped = "in a group"
)

var variable = "none"
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", "docker.io/some/image:v1"),
        ("typed", "typed"),
        ("grouped", "in a group"),
        (
            "manifest",
            '\nimage: docker.io/some/image:v1\ntext: "quoted" and \\ and /* nothing */\n"end"',
        ),
    ],
)
def test_a_go_constant_is_read_with_those_it_names(tmp_path: Path, name: str, value: str):
    (tmp_path / "p.go").write_text(GO_FILE)
    assert constant(tmp_path / "p.go", name) == value


@pytest.mark.parametrize("name", ["missing", "commented", "variable", "imag"])
def test_a_constant_that_is_not_there_is_named(tmp_path: Path, name: str):
    (tmp_path / "p.go").write_text(GO_FILE)
    with pytest.raises(BuildFailed, match=f"no string constant {name}"):
        constant(tmp_path / "p.go", name)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", trees.PUBLIC),
        (
            "deb http://m.example/debian bookworm main\n",
            ("http://m.example/debian", "http://m.example/debian-security"),
        ),
        (
            "# deb http://old.example/debian bookworm main\ndeb [arch=amd64] https://m.example/x/debian/ bookworm main\n"
            "deb http://s.example/debian-security bookworm-security main\n",
            ("https://m.example/x/debian", "http://s.example/debian-security"),
        ),
        ("deb http://archive.example/ubuntu noble main\n", trees.PUBLIC),
    ],
)
def test_the_mirror_is_the_one_that_apt_uses(tmp_path: Path, text: str, found: tuple[str, str]):
    (tmp_path / "sources.list").write_text(text)
    assert trees.mirrors(tmp_path) == found


def test_the_mirror_is_found_in_the_newer_form_too(tmp_path: Path):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(
        "Types: deb\nURIs: http://m.example/debian\nSuites: x\n"
    )
    (tmp_path / "sources.list.d" / "other.list.disabled").write_text("deb http://no.example/debian x main\n")
    assert trees.mirrors(tmp_path)[0] == "http://m.example/debian"


def test_what_is_deleted_from_a_tree_is_the_link_and_not_what_it_leads_to(tmp_path: Path):
    kept = tmp_path / "outside"
    kept.mkdir()
    (kept / "file").touch()
    inside = tmp_path / "tree" / "docs"
    inside.mkdir(parents=True)
    (inside / "link").symlink_to(kept)
    (inside / "folder").mkdir()
    trees.remove(tmp_path / "tree", ["docs/*", "nothing/*"])
    assert list(inside.iterdir()) == []
    assert (kept / "file").exists()


def test_libraries_are_read_from_what_ldd_prints():
    said = """/usr/sbin/nft:
\tlinux-vdso.so.1 (0x00007fff)
\tlibm.so.6 => /lib/aarch64-linux-gnu/libm.so.6 (0x0000ffff)
\t/lib/ld-linux-aarch64.so.1 (0x0000ffff)
/usr/sbin/conntrack:
\tlibm.so.6 => /lib/aarch64-linux-gnu/libm.so.6 (0x0000ffff)
"""
    assert system.libraries(said) == ["/lib/aarch64-linux-gnu/libm.so.6", "/lib/ld-linux-aarch64.so.1"]


def test_an_image_that_kubeadm_asks_for_and_nobody_makes_is_named():
    system._compare(["registry.k8s.io/etcd:1", "registry.k8s.io/pause:9"], ["registry.k8s.io/etcd:1"])
    with pytest.raises(BuildFailed, match=r"asks for registry\.k8s\.io/etcd:2"):
        system._compare(["registry.k8s.io/etcd:2"], ["registry.k8s.io/etcd:1"])


def test_settings_of_kind_that_are_not_as_expected_stop_the_build(tmp_path: Path):
    file = tmp_path / "config.toml"
    file.write_text("a = false\n")
    node._replace(file, "a = false", "a = true")
    assert file.read_text() == "a = true\n"
    with pytest.raises(BuildFailed, match=r"config\.toml has 0 times 'a = false'"):
        node._replace(file, "a = false", "a = true")


def test_a_runtime_is_not_asked_for_what_the_machine_lacks(settings: Settings, tmp_path: Path):
    file = settings.root / steps.SOURCES / "runc_bounded.py"
    spec = importlib.util.spec_from_file_location("runc_bounded", file)
    runc = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runc)
    assert runc.lacking_in("Name:\tx\nCapBnd:\t000001fffeffffff\n") == {"CAP_SYS_RESOURCE"}
    assert runc.lacking_in("CapBnd:\t000001ffffffffff\n") == set()
    assert runc.option(["create", "--bundle", "/b", "id"], "--bundle", "-b") == "/b"
    assert runc.option(["create", "--bundle=/b", "id"], "--bundle", "-b") == "/b"
    assert runc.option(["delete", "id"], "--bundle", "-b") is None
    wishes = {"bounding": ["CAP_SYS_RESOURCE", "CAP_KILL"], "ambient": None}
    for specification in ({"process": {"capabilities": wishes}}, {"capabilities": wishes}):
        (tmp_path / "config.json").write_text(json.dumps(specification))
        runc.edit(tmp_path / "config.json", {"CAP_SYS_RESOURCE"})
        edited = json.loads((tmp_path / "config.json").read_text())
        assert edited.get("process", edited)["capabilities"] == {"bounding": ["CAP_KILL"], "ambient": []}
