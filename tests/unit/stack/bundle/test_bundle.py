"""Bundles: what goes in, and everything that may be wrong with one; small ones, written and read as real ones are."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.markers import default_environment
from rich.console import Console
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.cli import main
from workshop.stack import site_address
from workshop.stack.bundle import carried, making, taking, wheels
from workshop.stack.bundle.carried import FACTS, PINS, SUMS, Refused
from workshop.stack.kubernetes.controlplane import build

ROOT = Path(__file__).resolve().parents[4]
JAR, PROGRAM, WHEEL = (
    "cache/kafka-1/libs/one.jar",
    "cache/controlplane/v1/controlplane",
    "wheels/pip-1-py3-none-any.whl",
)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_bundle_fits_a_project_whose_control_plane_is_the_same() -> None:
    assert {f"infra/deploy/controlplane/{name}" for name in build.SOURCES} <= set(PINS)
    module = ROOT / build.MODULE
    assert {str(path.relative_to(module)) for path in module.rglob("*") if path.is_file()} == set(build.SOURCES)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that pins one jar."""
    root = tmp_path / "project"
    for path in PINS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("pinned\n")
    for lock in carried.LOCKS:
        (root / lock).write_text(json.dumps({"jars": []}))
    jar = {"path": "org/one.jar", "size": 3, "sha256": digest(b"jar")}
    (root / carried.LOCKS[0]).write_text(json.dumps({"jars": [jar]}))
    return root


@pytest.fixture
def folder(tmp_path: Path, project: Path) -> Path:
    """A bundle for this very machine and that project."""
    place = tmp_path / "USB stick"
    facts = {
        "format": carried.FORMAT,
        "revision": "abc",
        "system": platform.system(),
        "machine": platform.machine(),
        "glibc": "2.5",
        "pythons": wheels.own_python(),
        "kubernetes": True,
        "files": 4,
        "recorded": [],
        "programs": [PROGRAM],
        "pins": {path: carried.sha256(project / path) for path in PINS},
    }
    write(place, {JAR: b"jar", PROGRAM: b"program", WHEEL: b"wheel"}, facts)
    return place


def write(place: Path, files: dict[str, bytes], facts: dict) -> None:
    content = {**files, FACTS: json.dumps(facts).encode()}
    for path, text in content.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(text)
    (place / SUMS).write_text("".join(f"{digest(text)}  {path}\n" for path, text in content.items()))


def say_otherwise(place: Path, **changed: object) -> None:
    """Write the bundle anew with other facts: as another machine or version would have made it."""
    facts = json.loads((place / FACTS).read_text())
    write(place, {path: (place / path).read_bytes() for path in (JAR, PROGRAM, WHEEL)}, {**facts, **changed})


def taken(place: Path, project: Path, cache: Path) -> int:
    bundle = carried.opened(str(place))
    carried.must_fit(bundle, project)
    return carried.fill(bundle, project, cache)


def test_what_a_bundle_brings_lies_in_the_cache(folder: Path, project: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    assert taken(folder, project, cache) == len(b"jar" + b"program")
    assert (cache / "kafka-1/libs/one.jar").read_bytes() == b"jar"
    assert (cache / "kafka-1/libs/one.jar").stat().st_mtime == carried.JARS_TIME
    assert os.access(cache / "controlplane/v1/controlplane", os.X_OK)
    assert not os.access(cache / "kafka-1/libs/one.jar", os.X_OK)
    assert sorted(path.name for path in cache.rglob("*") if path.is_file()) == ["controlplane", "one.jar"]


def test_a_second_time_nothing_is_read_from_the_stick(folder: Path, project: Path, tmp_path: Path):
    taken(folder, project, tmp_path / "cache")
    shutil.rmtree(folder / "cache")
    assert taken(folder, project, tmp_path / "cache") == 0


def test_what_a_machine_recorded_itself_stays(folder: Path, project: Path, tmp_path: Path):
    say_otherwise(folder, recorded=[PROGRAM])
    own = tmp_path / "cache/controlplane/v1/controlplane"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"my own")
    assert taken(folder, project, tmp_path / "cache") == len(b"jar")
    assert own.read_bytes() == b"my own"


def test_what_was_spoilt_in_the_cache_is_mended(folder: Path, project: Path, tmp_path: Path):
    taken(folder, project, tmp_path / "cache")
    (tmp_path / "cache/kafka-1/libs/one.jar").write_bytes(b"JAR")
    assert taken(folder, project, tmp_path / "cache") == len(b"jar")
    assert (tmp_path / "cache/kafka-1/libs/one.jar").read_bytes() == b"jar"


def damaged(place: Path) -> None:
    (place / JAR).write_bytes(b"jbr")


def cut_short(place: Path) -> None:
    (place / PROGRAM).write_bytes(b"prog")


def other_jar(place: Path) -> None:
    """Both the file and the list are changed: only the project's own pins can tell."""
    facts = json.loads((place / FACTS).read_text())
    write(place, {JAR: b"another", PROGRAM: b"program", WHEEL: b"wheel"}, facts)


def leads_out(place: Path) -> None:
    with (place / SUMS).open("a") as file:
        file.write(f"{digest(b'x')}  cache/../../../.bashrc\n")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "There is no folder"),
    "not finished": (lambda p: (p / SUMS).unlink(), "is not finished: it has no SHA256SUMS, which is written last"),
    "something else": (
        lambda p: [shutil.rmtree(p / "cache"), shutil.rmtree(p / "wheels"), (p / SUMS).unlink()],
        "is no bundle: it has no SHA256SUMS",
    ),
    "a list that is cut": (
        lambda p: (p / SUMS).write_text((p / SUMS).read_text()[:120]),
        "SHA256SUMS is damaged: line 2",
    ),
    "a list that lacks its end": (
        lambda p: (p / SUMS).write_text("".join((p / SUMS).read_text().splitlines(keepends=True)[1:])),
        "SHA256SUMS is cut short: it names 3 of 4 files",
    ),
    "an empty list": (lambda p: (p / SUMS).write_text(""), "SHA256SUMS is cut short: it does not name bundle.json"),
    "a path that leads out": (leads_out, "SHA256SUMS is damaged: line 5"),
    "a damaged file": (damaged, f"{JAR} of the bundle .* is damaged: its SHA-256 is not the one in SHA256SUMS"),
    "a file cut short": (cut_short, f"{PROGRAM} of the bundle .* is damaged"),
    "a missing file": (lambda p: (p / JAR).unlink(), f"is incomplete: {JAR} is missing"),
    "other facts than the list's": (lambda p: (p / FACTS).write_text("{}"), "bundle.json of the bundle .* is damaged"),
    "another file that the list knows": (other_jar, "one.jar of the bundle .* is not the file that this project pins"),
    "another machine": (lambda p: say_otherwise(p, machine="riscv64"), "is for .* riscv64; this machine is"),
    "another system": (lambda p: say_otherwise(p, system="Plan9"), "is for Plan9"),
    "another Python": (lambda p: say_otherwise(p, pythons="3.9 3.10"), "packages for Python 3.9, 3.10; this is 3."),
    "another format": (lambda p: say_otherwise(p, format=99), "of another version of the workshop"),
    "another version": (
        lambda p: say_otherwise(p, pins={"requirements.txt": digest(b"other")}),
        r"of another version of the project \(abc\): requirements.txt differs",
    ),
}
if platform.system() == "Linux":
    WRONG["an older system"] = (
        lambda p: say_otherwise(p, glibc="2.999"),
        "need glibc 2.999 or newer; this machine has",
    )


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_and_nothing_is_used(case: str, folder: Path, project: Path, tmp_path: Path):
    spoil, sentence = WRONG[case]
    spoil(folder)
    with pytest.raises(Refused, match=sentence) as refused:
        taken(folder, project, tmp_path / "cache")
    assert refused.value.next_step
    there = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert set(there) <= {b"jar", b"program"}


def test_a_hash_told_apart_from_the_stick_guards_the_list(folder: Path):
    right = carried.sha256(folder / SUMS)
    assert carried.opened(f"{folder}#sha256={right}").sums
    with pytest.raises(Refused, match="does not match the given hash"):
        carried.opened(f"{folder}#sha256={'0' * 64}")


def test_a_full_disk_is_said_before_anything_is_written(
    folder: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(carried, "SPARE", 1 << 60)
    with pytest.raises(Refused, match="The disk does not have enough space"):
        taken(folder, project, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*"))


def test_before_there_is_an_environment_the_wheels_are_checked(folder: Path, project: Path):
    def run() -> subprocess.CompletedProcess:
        command = [sys.executable, "-I", "-S", carried.__file__, str(folder), str(project)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run().returncode == 0
    (folder / WHEEL).write_bytes(b"wheeL")
    done = run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{WHEEL} of the bundle {folder} is damaged")
    assert len(done.stderr.splitlines()) == 2


def test_a_bundle_is_for_processes_on_this_machine(folder: Path, tmp_path: Path):
    settings = replace(Settings.load({"HOME": str(tmp_path)}), bundle=str(folder), backend="kind")
    with pytest.raises(WorkshopError, match="A bundle contains files for the backend local, not for kind"):
        taking.take(settings, Timeline())


def test_a_check_names_every_bad_file(folder: Path):
    quiet = Timeline(Console(quiet=True))
    assert making.verify(str(folder), quiet)[0] == 4
    (folder / JAR).unlink()
    (folder / WHEEL).write_bytes(b"")
    with pytest.raises(WorkshopError, match=r"2 of 4 files of .* are damaged, missing or unreadable") as bad:
        making.verify(str(folder), quiet)
    assert bad.value.detail.splitlines() == [JAR, WHEEL]


@pytest.mark.parametrize("words", [["--bundle"], ["--bundle", ""], ["--bundle="], ["--no-lab", "--bundle", ""]])
def test_no_name_is_no_bundle(words: list[str], capsys: pytest.CaptureFixture[str]):
    # An unset variable in a room must not end in a download by a hundred people.
    done = subprocess.run([ROOT / "infra/bootstrap.sh", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "--bundle takes a folder, such as the one on a USB stick.\n")
    with pytest.raises(SystemExit):
        main.main(["up", *words])
    assert "--bundle" in capsys.readouterr().err


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(WorkshopError, match=r"contains other files: holiday.jpg"):
        making._must_be_ours(tmp_path)
    with pytest.raises(WorkshopError, match="is a file, not a folder"):
        making._must_be_ours(tmp_path / "holiday.jpg")
    making._must_be_ours(tmp_path / "not there yet")


def test_a_folder_that_is_no_checkout_makes_no_bundle(tmp_path: Path):
    settings = replace(Settings.load({"HOME": str(tmp_path)}), root=tmp_path)
    with pytest.raises(WorkshopError, match="is not a git checkout"):
        making._not_committed(settings)


def test_a_change_of_a_pin_must_be_committed_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = replace(Settings.load({"HOME": str(tmp_path)}), root=tmp_path / "clone")
    for name in ("README.md", *making.PINS):
        (settings.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, settings.root / name)
    author = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "Add the pins"]):
        subprocess.run(["git", "-C", settings.root, *words], check=True)
    (settings.root / "README.md").write_text("mine")
    assert making._not_committed(settings) == ["README.md"]
    (settings.root / "requirements.txt").write_text("other==1")
    with pytest.raises(WorkshopError, match=r"requirements.txt has uncommitted changes"):
        making._not_committed(settings)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(WorkshopError, match=r"belongs to another user") as refused:
        making._not_committed(settings)
    assert f"--add safe.directory {shlex.quote(str(settings.root))}`" in refused.value.next_step


def test_packages_are_chosen_for_another_release_of_python():
    text = "".join(
        f"{requirement} \\\n    --hash=sha256:{digest(b'a')} \\\n    --hash=sha256:{digest(b'b')}\n    # via x\n"
        for requirement in (
            "always==1",
            "older==2 ; python_full_version < '3.12'",
            "older==3 ; python_full_version >= '3.12'",
            "patch==1 ; python_full_version < '3.11.5'",
            "elsewhere==1 ; sys_platform == 'win32'",
        )
    )

    def names(release: str) -> list[str]:
        return [block.split()[0] for block in wheels.needed(text, release)]

    assert names("3.11.0") == ["always==1", "older==2", "patch==1"]
    assert names("3.11.99") == ["always==1", "older==2"]
    assert names("3.13.99") == ["always==1", "older==3"]
    assert wheels.needed(text, "3.13.99")[0].count("--hash=sha256:") == 2


def test_every_requirement_is_carried_for_this_python():
    settings = Settings.load()
    chosen = {block.split()[0] for blocks in wheels.sets(settings, wheels.own_python()) for block in blocks}
    listed = [line.split()[0] for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line[:60]]
    assert default_environment()["python_full_version"].startswith(wheels.own_python())
    assert {"pip", "uv"} <= {name.partition("==")[0] for name in chosen}
    assert len(chosen) > len(listed) * 0.9


def test_the_oldest_glibc_is_read_from_the_wheels_names():
    assert wheels.oldest_glibc(["a-1-py3-none-any.whl"]) == "2.0"
    names = [
        "a-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "b-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "c-1-cp311-abi3-manylinux_2_34_x86_64.manylinux_2_12_x86_64.manylinux2010_x86_64.whl",
    ]
    assert wheels.oldest_glibc(names) == "2.28"


def test_the_site_is_carried_if_it_was_built(tmp_path: Path, settings: Settings):
    checkout = replace(settings, root=tmp_path / "checkout")
    assert making._site(checkout) == {}
    page = site_address.folder(checkout.root) / "docs/start.html"
    page.parent.mkdir(parents=True)
    page.write_text("start")
    assert making._site(checkout) == {"site/docs/start.html": page}
