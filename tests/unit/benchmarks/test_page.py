"""The page docs/benchmarks.md is what the results say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from benchmarks import page, results
from benchmarks import run as runner
from benchmarks.page import Row, Section
from benchmarks.results import Machine, Measured, Result, Run, Summary, Transcribed

ROOT = Path(__file__).resolve().parents[3]
ROWS = [row for section in page.contents() for row in section.rows]
MACHINE = Machine(cores=2, memory_gb=24.0, kernel="Linux 6", python="3.11.7", architecture="x86_64")


def test_the_page_is_up_to_date():
    written = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    assert written == page.page(), "run `.venv/bin/python infra/benchmarks/page.py > docs/benchmarks.md`"


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.benchmark}: {row.figures[0]}" for row in ROWS])
def test_a_row_names_figures_that_can_be_measured_or_were(row: Row):
    result = results.read(row.benchmark)
    known = set(runner.load(row.benchmark).FIGURES) | {
        name for one in (result.measurements if result else ()) for name in one.names()
    }
    for figure in row.figures:
        prefix = figure.removesuffix("*")
        assert any(name.startswith(prefix) for name in known) if prefix != figure else figure in known


@pytest.mark.parametrize("section", page.contents(), ids=lambda section: section.title)
def test_a_column_has_a_figure_in_every_row(section: Section):
    if section.columns:
        assert all(len(row.figures) == len(section.columns) for row in section.rows)


def test_every_result_is_of_a_benchmark_and_on_the_page():
    shown = {row.benchmark for row in ROWS}
    for path in results.FOLDER.iterdir():
        assert path.stem in runner.names()
        assert path.stem in shown


def test_every_transcribed_figure_is_on_the_page():
    shown = {(row.benchmark, figure) for row in ROWS for figure in row.figures}
    for path in results.FOLDER.glob("*.json"):
        result = results.read(path.stem)
        assert result is not None
        for one in result.measurements:
            if isinstance(one, Transcribed):
                missing = {name for name in one.names() if (path.stem, name.replace(", best", ", *")) not in shown}
                assert not missing, f"{path.name}: {missing}"


def measured(cores: int = 2, backend: str = "local", failed: str = "", **values: float) -> Measured:
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    run = Run(began=noon, ended=noon, load_begin=2.04, load_end=11.96, values=values, failed=failed)
    return Measured.model_validate(
        {
            "transcribed": False,
            "backend": backend,
            "machine": MACHINE.model_copy(update={"cores": cores}),
            "nice": 0,
            "commit": "b93828d",
            "changed": False,
            "runs": [run, run.model_copy(update={"failed": ""})],
        }
    )


def rows(folder: Path, *figures: str, columns: tuple[str, ...] = (), benchmark: str = "alerts") -> list[list[str]]:
    """Return the cells of a page with one row."""
    section = Section("Title", "", columns, (Row("latency", benchmark, figures),))
    text = page.page([section], folder)
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ][1:]


def write(folder: Path, *measurements: Measured | Transcribed) -> None:
    names = {name for one in measurements for name in one.names()}
    units = dict.fromkeys(names, "ms")
    results.write(Result(version=1, benchmark="alerts", units=units, measurements=list(measurements)), folder)


def test_a_row_without_a_result_is_not_measured(tmp_path: Path):
    assert rows(tmp_path, "p99") == [["latency", "`alerts`", "not measured", "", "", "", ""]]
    assert rows(tmp_path, "a", "b", columns=("A", "B"))[0][2:4] == ["not measured", "not measured"]


def test_a_figure_without_a_value_is_not_measured(tmp_path: Path):
    write(tmp_path, measured(p99=15.0))
    assert rows(tmp_path, "median", "p99")[0][2] == "not measured; 15 ms (15 to 15)"


def test_a_measured_row_has_runs_date_and_load(tmp_path: Path):
    write(tmp_path, measured(p99=15.0))
    expected = [["latency", "`alerts`", "15 ms (15 to 15)", "2", "2026-11-28", "2.0 to 12.0", ""]]
    assert rows(tmp_path, "p99") == expected


def test_what_differs_is_named(tmp_path: Path):
    other = measured(8, "kind", failed="It is gone.", p99=15.0)
    write(tmp_path, measured(p99=15.0), other)
    usual, differs = rows(tmp_path, "p99")
    assert usual[3:] == ["2", "2026-11-28", "2.0 to 12.0", ""]
    assert differs[3] == "2, 1 of 2 aborted"
    assert differs[6] == f"kind, {other.machine}"


@pytest.mark.parametrize(("entered", "shown"), [(date(2026, 11, 25), "by 2026-11-25"), (None, "before 2026-11")])
def test_a_transcribed_figure_follows_and_is_marked(tmp_path: Path, entered: date | None, shown: str):
    old = Transcribed(transcribed=True, backend="local", entered=entered, figures={"p99": Summary(median=16.0)})
    write(tmp_path, old, measured(p99=15.0))
    assert rows(tmp_path, "p99")[1] == ["as above", "`alerts`", "16 ms", "unknown", shown, "unknown", ""]


def test_the_best_of_several_figures_is_shown(tmp_path: Path):
    write(tmp_path, measured(**{"slow, a": 1.0, "slow, b": 3.0, "other": 9.0}))
    assert rows(tmp_path, "slow, *")[0][2] == "3 ms (3 to 3)"


def test_date_and_load_are_those_of_the_runs_with_the_figure(tmp_path: Path):
    one = measured(p99=15.0)
    other = one.runs[0].model_copy(update={"values": {"once": 1.0}, "load_begin": 30.0, "load_end": 40.0})
    write(tmp_path, one.model_copy(update={"runs": [*one.runs, other]}))
    assert rows(tmp_path, "p99")[0][5] == "2.0 to 12.0"
    assert rows(tmp_path, "once")[0][3:6] == ["1", "2026-11-28", "30.0 to 40.0"]
