"""Every benchmark declares what it measures."""

from __future__ import annotations

import inspect

import pytest
from benchmarks import page
from benchmarks import run as runner
from benchmarks.figures import lessons
from workshop.base.settings import Settings
from workshop.notebook.handout import handed_out


@pytest.mark.parametrize("name", runner.names())
def test_a_benchmark_declares_figures_units_and_stack(name: str):
    module = runner.load(name)
    assert module.FIGURES
    assert all(isinstance(unit, str) for unit in module.FIGURES.values())
    assert module.STACK in {"running", "local", "kind", "none"}
    assert getattr(module, "RUNS", runner.RUNS) >= 1
    assert list(inspect.signature(module.measure).parameters) == ["run"]
    assert inspect.isgeneratorfunction(module.measure)
    assert (module.__doc__ or "").splitlines()[0].endswith(".")


def test_the_list_has_every_benchmark(capsys: pytest.CaptureFixture):
    assert runner.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == runner.names()


def test_each_lesson_and_the_express_notebook_are_measured_and_on_the_page():
    names = {path.stem.partition("_")[0] for path in handed_out(Settings.load())}
    assert {"00", "11", "12", "express"} <= names
    assert names == set(lessons.FIGURES) - {"memory, brokers", "memory, stack"}
    shown = {
        figure
        for section in page.contents()
        for row in section.rows
        if row.benchmark == "lessons"
        for figure in row.figures
    }
    assert shown == set(lessons.FIGURES)
