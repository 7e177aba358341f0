"""The lessons that `workshop site` takes, its messages, and the exchange of the old site."""

from __future__ import annotations

import argparse
import errno
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.cli import commands, main, site
from workshop.notebook import run_record
from workshop.stack import site_address


@pytest.fixture
def checkout(settings: Settings, tmp_path: Path) -> Settings:
    """Return the settings of a checkout with one solved lesson, which was not executed."""
    root = tmp_path / "checkout"
    for folder in ("solutions", "notebooks", "runs"):
        (root / folder).mkdir(parents=True)
    cells = [new_markdown_cell("# 01"), new_code_cell("1", id="ex1-answer", metadata={"tags": ["answer"]})]
    nbformat.write(new_notebook(cells=cells), root / "solutions/01_topic.ipynb")
    return replace(settings, root=root)


def solved(checkout: Settings) -> Path:
    return checkout.root / "solutions/01_topic.ipynb"


def execute(checkout: Settings, message: str = "") -> None:
    notebook = nbformat.read(solved(checkout), as_version=4)
    run_record.write(notebook, checkout, "local", 1.0, message)
    nbformat.write(notebook, checkout.root / "runs/01_topic.ipynb")


def test_lessons_are_executed_only_with_the_option():
    plain, first = (main.build_parser().parse_args(words) for words in (["site"], ["site", "--run"]))
    assert (plain.run, plain.execute) == (commands.site, False)
    assert (first.run, first.execute) == (commands.site, True)


def test_no_executed_lesson_is_reported_with_the_command(checkout: Settings):
    with pytest.raises(WorkshopError) as caught:
        site.site(checkout, argparse.Namespace(execute=False, without_outputs=False))
    assert "`workshop run`" in caught.value.next_step
    assert "--without-outputs" in caught.value.next_step


def test_an_executed_lesson_is_taken_and_a_foreign_notebook_is_not(checkout: Settings):
    assert not run_record.read(site._lesson(checkout, solved(checkout)))
    nbformat.write(new_notebook(), checkout.root / "runs/01_topic.ipynb")
    assert not run_record.read(site._lesson(checkout, solved(checkout)))
    execute(checkout)
    found = site._lesson(checkout, solved(checkout))
    assert run_record.read(found)["seconds"] == 1.0
    assert not site._outdated(found)


def test_a_lesson_that_was_edited_after_its_run_is_marked(checkout: Settings):
    execute(checkout)
    notebook = nbformat.read(solved(checkout), as_version=4)
    notebook.cells[1].source = "2"
    nbformat.write(notebook, solved(checkout))
    assert site._outdated(site._lesson(checkout, solved(checkout)))


def test_a_damaged_executed_notebook_is_reported(checkout: Settings):
    (checkout.root / "runs/01_topic.ipynb").write_text("{")
    with pytest.raises(WorkshopError) as caught:
        site._lesson(checkout, solved(checkout))
    assert "runs/01_topic.ipynb" in caught.value.happened
    assert "`workshop run 01`" in caught.value.next_step


def test_an_attendees_answers_are_named(checkout: Settings):
    theirs = checkout.root / "notebooks/01_topic.ipynb"
    stub = new_code_cell("# Write your code here.", id="ex1-answer", metadata={"tags": ["answer"]})
    nbformat.write(new_notebook(cells=[stub]), theirs)
    assert site._answered(checkout) == []
    stub.source = "my answer"
    nbformat.write(new_notebook(cells=[stub]), theirs)
    assert site._answered(checkout) == ["notebooks/01_topic.ipynb"]


def test_what_is_missing_and_what_failed_is_told(checkout: Settings, capsys: pytest.CaptureFixture[str]):
    site._tell_what_is_missing({solved(checkout): site._lesson(checkout, solved(checkout))})
    assert "01 were not executed" in capsys.readouterr().out
    execute(checkout, "ValueError: bad")
    site._tell_what_is_missing({solved(checkout): site._lesson(checkout, solved(checkout))})
    assert "01 failed in their last run. Run `workshop run 01`." in capsys.readouterr().out


def test_the_new_site_takes_the_place_of_the_old_one(checkout: Settings):
    old = site_address.folder(checkout.root)
    old.mkdir()
    (old / "index.html").write_text("old")
    with site._scratch(checkout.root / "runs") as work:
        (work / "out").mkdir()
        (work / "out/index.html").write_text("new")
        site._exchange(work / "out", old)
    assert site_address.first_page(checkout.root).read_text() == "new"
    assert [path.name for path in (checkout.root / "runs").iterdir()] == ["site"]


def test_a_build_that_was_killed_in_its_last_step_gives_the_old_site_back(checkout: Settings):
    left = checkout.root / "runs/.site-building/old"
    left.mkdir(parents=True)
    (left / "index.html").write_text("old")
    with site._scratch(checkout.root / "runs") as work:
        assert not list(work.iterdir())
    assert site_address.first_page(checkout.root).read_text() == "old"


def test_a_full_disk_is_one_sentence_and_the_old_site_stays(checkout: Settings):
    old = site_address.folder(checkout.root)
    old.mkdir()
    with pytest.raises(WorkshopError) as caught, site._scratch(checkout.root / "runs"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.happened.startswith("The disk is full.")
    assert old.is_dir()
    assert not (checkout.root / "runs/.site-building").exists()


def test_links_to_other_hosts_are_counted_without_their_pages(checkout: Settings):
    file = checkout.root / "runs/site" / site.EXTERNAL_LINKS
    file.parent.mkdir()
    file.write_text("https://a.org/\n  index.html\n  docs/start.html\nhttps://b.org/\n  index.html\n")
    assert site._external_links(file, checkout.root) == (
        "2 addresses on other hosts are linked, and not checked: runs/site/external-links.txt lists them."
    )


@pytest.fixture
def executed(checkout: Settings, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Add a lesson that needs Kubernetes, and return the lists of lessons that are executed."""
    needs = {"workshop": {"needs": "kubernetes"}}
    nbformat.write(new_notebook(metadata=needs), checkout.root / "solutions/07_pods.ipynb")
    runs: list[list[str]] = []
    monkeypatch.setattr(site.execute, "run", lambda settings, keys, out: runs.append(keys))
    return runs


def test_kubernetes_is_awaited_before_the_lessons_that_need_it(
    checkout: Settings, executed: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    waits: list[list[list[str]]] = []
    monkeypatch.setattr(site.background_build, "wait", lambda settings: waits.append(list(executed)))
    site._run_missing(checkout)
    assert executed == [["01"], ["07"]]
    assert waits == [[["01"]]], "Kafka's lessons do not wait"
    assert "07 need Kubernetes, which does not run yet." in capsys.readouterr().out


def test_a_stack_without_kubernetes_gets_the_other_lessons_and_the_reason(
    checkout: Settings, executed: list[list[str]], capsys: pytest.CaptureFixture[str]
):
    site._run_missing(checkout)
    assert executed == [["01"]]
    assert "07 are not executed. This stack has no Kubernetes" in capsys.readouterr().out


def test_nothing_is_awaited_if_no_missing_lesson_needs_kubernetes(
    checkout: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(site.execute, "run", lambda settings, keys, out: execute(settings))
    site._run_missing(checkout)
    site._run_missing(checkout)
    assert capsys.readouterr().out == ""
