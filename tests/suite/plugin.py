"""The suite's pytest plugin: lanes, lessons, and the order of groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suite import lane, lessons
from suite.schedule import GroupScheduling


def pytest_configure(config: pytest.Config) -> None:
    """Enter the lane of this process, unless it only distributes tests."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        lane.enter(int(worker["workerid"].removeprefix("gw")))
    elif not config.getoption("numprocesses", None):
        lane.enter(0)


@pytest.hookimpl(tryfirst=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> lessons.LessonFile | None:
    """Collect a solved lesson."""
    if lessons.is_lesson(file_path):
        return lessons.LessonFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> GroupScheduling:
    """Distribute complete groups, the long ones first."""
    return GroupScheduling(config, log, compiling="WORKSHOP_SUITE_COMPILING" in os.environ)
