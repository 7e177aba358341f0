"""Kubernetes that is being built: what is told of it, and that it holds still while something is measured."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
from workshop.base.errors import WorkshopError
from workshop.base.processes import Component, Processes
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until
from workshop.stack.kubernetes import background_build
from workshop.stack.kubernetes.controlplane import progress


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"state": "building", "packages": 3, "of": 9, "said": progress.COMPILED}, "3 of 9 packages"),
        ({"state": "building", "packages": 8, "of": 9, "said": "linking"}, "in the background: linking"),
        ({"state": "building", "said": "searching for Go"}, "searching for Go"),
        ({"state": "built"}, "is built and starts"),
        ({"state": "failed", "said": "No Go."}, "No Go."),
    ],
)
def test_how_far_it_is(settings: Settings, written: dict, said: str) -> None:
    progress.write(settings, **written)
    assert said in background_build.sentence(settings)


def test_who_waits_for_what_does_not_come_is_told(settings: Settings) -> None:
    with pytest.raises(WorkshopError, match="WORKSHOP_KUBERNETES is off"):
        background_build.wait(replace(settings, kubernetes=False))
    with pytest.raises(WorkshopError, match="This stack has no Kubernetes"):
        background_build.wait(replace(settings, kubernetes=True))
    progress.write(settings, state="failed", said="No Go.")
    with pytest.raises(WorkshopError, match=r"No Go\.") as caught:
        background_build.wait(replace(settings, kubernetes=True))
    assert "Kafka's lessons go on" in caught.value.next_step


def test_while_something_is_measured_the_build_and_all_below_it_hold_still(settings: Settings) -> None:
    program = (
        "import subprocess, sys, time; subprocess.Popen(['sleep', '600']); print('on', flush=True); time.sleep(600)"
    )
    processes = Processes(settings.state)
    settings.state.mkdir(parents=True, exist_ok=True)
    build = processes.start(
        Component(background_build.NAME, (sys.executable, "-c", program), {"PATH": "/usr/bin:/bin"})
    )
    try:
        while "on" not in processes.tail(background_build.NAME):
            assert build.is_running()
        tree = [build, *build.children(recursive=True)]
        assert len(tree) == 2

        @background_build.measures
        def all_stop(ws: SimpleNamespace) -> bool:  # the system needs a moment to hand a signal over
            return wait_until(lambda: states() == {psutil.STATUS_STOPPED}, 60, "all to hold still")

        def states() -> set[str]:
            return {process.status() for process in tree}

        assert all_stop(SimpleNamespace(settings=settings))
        assert wait_until(lambda: psutil.STATUS_STOPPED not in states(), 60, "all to go on")
    finally:
        for process in [*build.children(recursive=True), build]:
            process.kill()
        processes.stop([background_build.NAME])
