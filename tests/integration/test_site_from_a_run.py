"""The site of real lessons, which are executed on the brokers of this lane."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from rich.console import Console
from workshop.base.settings import Settings
from workshop.base.timeline import Timeline
from workshop.cli import site, site_environment
from workshop.notebook import execute, handout, recordings, run_record
from workshop.notebook.connection import Connection
from workshop.stack import site_address

RECORDED = ("02_partitions", "03_replication")  # their pictures show a rebalance and a failover
OUR_OWN = {"runs", ".git"}  # what the test's checkout does not share with the real one

pytestmark = pytest.mark.skipif(
    "WORKSHOP_SUITE_FULL" not in os.environ, reason="NOT RUN: it executes lessons for many minutes; --full does that."
)


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Return settings of a checkout that shares all but its runs with the real one; restore the variables at the end."""
    there, root = Settings.load(), tmp_path_factory.mktemp("checkout")
    site_environment.provision(there, Timeline(), tests=True)
    for path in there.root.iterdir():
        if path.name not in OUR_OWN:
            (root / path.name).symlink_to(path)
    before = dict(os.environ)
    yield replace(there, root=root)
    os.environ.clear()
    os.environ |= before


@pytest.fixture(scope="module")
def executed(lasting_ws: Connection, at: Settings) -> list[Path]:
    """Execute the lessons, and return their solved notebooks.

    Lesson 11 is left out: its environment refers to one checkout, which is the real one.
    """
    lessons = [
        path for path in handout.solutions(at) if not handout.needs_kubernetes(path) and not _needs_streams(path)
    ]
    execute.run(at, [path.name[:2] for path in lessons], Console())
    records = {
        path.stem: run_record.read(nbformat.read(at.root / "runs" / path.name, as_version=4)) for path in lessons
    }
    failed = {name: (record["failed"], record["message"]) for name, record in records.items() if record["message"]}
    assert not failed, "lesson: (cell, message)"
    return lessons


def _needs_streams(path: Path) -> bool:
    return handout.needs_streams(handout.read_solved(path))


@pytest.fixture(scope="module")
def built(executed: list[Path], at: Settings) -> Path:
    assert site.site(at, argparse.Namespace(without_outputs=False, execute=False)) == 0
    return site_address.folder(at.root)


def test_no_executed_lesson_is_shown_as_failed_or_missing(executed: list[Path], built: Path) -> None:
    for path in executed:
        page = (built / f"notebooks/{path.stem}.html").read_text(encoding="utf-8")
        assert 'class="run-record">Executed on ' in page, path.stem
        assert "This run failed" not in page, path.stem
        assert "This page has no outputs" not in page, path.stem
    contents = (built / "notebooks/index.html").read_text(encoding="utf-8")
    assert contents.count("executed on ") == len(executed)
    assert "edited since" not in contents


def test_a_rebalance_and_a_failover_are_recorded(built: Path) -> None:
    for name in RECORDED:
        assert 'class="recording"' in (built / f"notebooks/{name}.html").read_text(encoding="utf-8"), name
    files = list((built / "_pictures").glob("*.webp"))
    assert len(files) >= len(RECORDED)
    assert max(path.stat().st_size for path in files) <= recordings.LARGEST
