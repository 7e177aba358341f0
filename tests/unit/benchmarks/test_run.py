"""The runner, with a benchmark of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from benchmarks import machine, results
from benchmarks import run as runner
from workshop.base.errors import WorkshopError


class Benchmark(ModuleType):
    """A benchmark that yields given values; a text instead of a number aborts the run."""

    STACK, RUNS = "none", 2
    FIGURES = {"gap": "s", "lost": "payments"}  # noqa: RUF012 - as in the modules of benchmarks

    def __init__(self, *given: dict[str, float | str]) -> None:
        super().__init__("given")
        self.given, self.asked = given, []

    def measure(self, run: int) -> Iterator[tuple[str, float]]:
        self.asked.append(run)
        for figure, value in self.given[run].items():
            if isinstance(value, str):
                raise WorkshopError(value)
            yield figure, value


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch):
    """Return a function that replaces the benchmarks by one."""
    monkeypatch.setattr(machine, "commit", lambda root: ("b93828d", False))

    def replaced(benchmark: Benchmark) -> Benchmark:
        monkeypatch.setattr(runner, "load", lambda name: benchmark)
        return benchmark

    return replaced


def test_every_run_is_recorded_with_its_raw_values_and_load(use, tmp_path: Path):
    use(Benchmark({"gap": 1.5, "lost": 0}, {"gap": 0.5}))
    found = runner.run("given", folder=tmp_path)
    assert [run.values for run in found.runs] == [{"gap": 1.5, "lost": 0.0}, {"gap": 0.5}]
    assert all(run.ended >= run.began and run.load_begin >= 0 for run in found.runs)
    assert (found.commit, found.changed, found.backend) == ("b93828d", False, None)
    result = results.read("given", tmp_path)
    assert result is not None
    assert result.measurements == [found]
    assert result.units == Benchmark.FIGURES


def test_the_number_of_runs_can_be_given(use, tmp_path: Path):
    benchmark = use(Benchmark({"gap": 1.0}, {"gap": 1.0}, {"gap": 1.0}))
    assert len(runner.run("given", 3, tmp_path).runs) == 3
    assert benchmark.asked == [0, 1, 2]


def test_a_warm_up_is_not_counted(use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Benchmark, "WARM_UP", True, raising=False)
    benchmark = use(Benchmark({"gap": 1.0}))
    assert len(runner.run("given", 1, tmp_path).runs) == 1
    assert benchmark.asked == [0, 0]


def test_an_aborted_run_is_recorded_with_its_reason(use, tmp_path: Path, capsys: pytest.CaptureFixture):
    use(Benchmark({"gap": 1.0}, {"lost": 2, "gap": "The broker is gone."}))
    runner.run("given", folder=tmp_path)
    result = results.read("given", tmp_path)
    assert result is not None
    _, aborted = result.measurements[0].runs
    assert aborted.values == {"lost": 2.0}
    assert aborted.failed == "The broker is gone."
    assert "aborted: The broker is gone." in capsys.readouterr().out


def test_runs_without_a_value_leave_the_earlier_result(use, tmp_path: Path):
    use(Benchmark({"gap": 1.0}))
    runner.run("given", 1, tmp_path)
    before = (tmp_path / "given.json").read_bytes()
    use(Benchmark({"gap": "No."}, {"gap": "No."}))
    with pytest.raises(WorkshopError, match="No run of 'given' gave a value"):
        runner.run("given", folder=tmp_path)
    assert (tmp_path / "given.json").read_bytes() == before


def test_a_value_that_is_no_number_aborts_the_run(use, tmp_path: Path):
    use(Benchmark({"lost": 0, "gap": float("nan")}))
    found = runner.run("given", 1, tmp_path)
    assert found.runs[0].values == {"lost": 0.0}
    assert "'gap' is nan" in found.runs[0].failed


def test_a_figure_without_a_unit_is_a_mistake_of_the_benchmark(use, tmp_path: Path):
    use(Benchmark({"speed": 1.0}))
    with pytest.raises(AssertionError, match="'speed'"):
        runner.run("given", 1, tmp_path)


def test_a_damaged_result_is_refused_before_the_first_run(use, tmp_path: Path):
    benchmark = use(Benchmark({"gap": 1.0}))
    (tmp_path / "given.json").write_text("{")
    with pytest.raises(WorkshopError, match="not a result of a benchmark"):
        runner.run("given", 1, tmp_path)
    assert not benchmark.asked


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture):
    assert runner.main(["earthquake"]) == 1
    assert capsys.readouterr().err == "There is no benchmark 'earthquake'.\n→ `run.py --list` prints all.\n"


@pytest.mark.parametrize("words", [[], ["alerts", "--runs", "0"]])
def test_wrong_arguments_are_refused(words: list[str], capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        runner.main(words)
    assert "give a NAME, and at least one run" in capsys.readouterr().err
