"""Result files: what is written is read again, and a bad file is refused with a sentence."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from benchmarks import results
from benchmarks.results import Machine, Measured, Result, Run, Summary, Transcribed
from workshop.base.errors import WorkshopError

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
MACHINE = Machine(cores=2, memory_gb=24.0, kernel="Linux 6", python="3.11.7", architecture="x86_64")


def run(values: dict[str, float], load: float = 1.0, failed: str = "") -> Run:
    return Run(began=NOON, ended=NOON, load_begin=load, load_end=load + 1, values=values, failed=failed)


def measured(*runs: Run, backend: str | None = "local") -> Measured:
    return Measured.model_validate(
        {
            "transcribed": False,
            "backend": backend,
            "machine": MACHINE,
            "nice": 0,
            "commit": "b93828d",
            "changed": False,
            "runs": list(runs),
        }
    )


def transcribed(**figures: Summary) -> Transcribed:
    return Transcribed(transcribed=True, backend="local", entered=date(2026, 11, 24), figures=figures)


def test_a_benchmark_without_a_file_has_no_result(tmp_path: Path):
    assert results.read("alerts", tmp_path) is None


def test_what_is_written_is_read_again(tmp_path: Path):
    result = Result(
        version=1,
        benchmark="alerts",
        units={"p99": "ms"},
        measurements=[transcribed(p99=Summary(median=16.0, runs=5)), measured(run({"p99": 15.123456789}))],
    )
    results.write(result, tmp_path)
    assert results.read("alerts", tmp_path) == result
    assert [path.name for path in tmp_path.iterdir()] == ["alerts.json"]


def test_a_new_measurement_replaces_the_one_of_its_backend_only(tmp_path: Path):
    old = transcribed(earlier=Summary(total=0.0))
    units = {"earlier": "s", "p99": "ms"}
    results.write(Result(version=1, benchmark="alerts", units=units, measurements=[old]), tmp_path)
    kind = measured(run({"p99": 9.0}), backend="kind")
    for new in (measured(run({"p99": 1.0})), kind, measured(run({"p99": 2.0}))):
        results.add("alerts", {"p99": "ms"}, new, tmp_path)
    found = results.read("alerts", tmp_path)
    assert found is not None
    assert found.measurements == [old, kind, measured(run({"p99": 2.0}))]
    assert found.units == units


def test_a_summary_is_of_the_runs_that_have_a_value():
    one = measured(run({"a": 3.0}), run({"a": 1.0, "b": 5.0}), run({"a": 2.0}))
    assert one.summary("a") == Summary(median=2.0, min=1.0, max=3.0, runs=3)
    assert one.summary("b") == Summary(median=5.0, min=5.0, max=5.0, runs=1)
    assert one.summary("c") is None


GOOD = json.loads(
    Result(
        version=1,
        benchmark="alerts",
        units={"p99": "ms"},
        measurements=[transcribed(p99=Summary(median=16.0, min=15.0, max=28.0)), measured(run({"p99": 1.0}))],
    ).model_dump_json()
)


def change(**changed: object) -> bytes:
    """Return the good file with other values; a key names its place by `__`: measurements__1__backend."""
    file = json.loads(json.dumps(GOOD))
    for place, value in changed.items():
        *parts, last = place.split("__")
        target = file
        for part in parts:
            target = target[int(part) if part.isdigit() else part]
        target[last] = value
    return json.dumps(file).encode()


def test_the_file_that_the_bad_ones_differ_from_is_good(tmp_path: Path):
    (tmp_path / "alerts.json").write_bytes(change())
    assert results.read("alerts", tmp_path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "Invalid JSON"),
        (b"[]", "object"),
        (b"\xff\xfe", "Invalid JSON"),
        (change(version=2), "version"),
        (change(benchmark="failover"), "it is of the benchmark 'failover'"),
        (change(units={}), "the figure 'p99' has no unit"),
        (change(speed=3), "speed"),
        (change(measurements__0__entered="yesterday"), "entered"),
        (change(measurements__0__figures__p99={}), "'p99' has no number"),
        (change(measurements__0__figures__p99__max=10), "'p99' has a median or minimum above its maximum"),
        (change(measurements__0__load=[60.0, 34.0]), "the least load average is above the greatest"),
        (change(measurements__1__runs=[]), "runs"),
        (change(measurements__1__machine={}), "machine"),
        (change(measurements__1__commit="main"), "commit"),
        (change(measurements__1__backend="podman"), "backend"),
        (change(measurements=[GOOD["measurements"][1]] * 2), "two measurements"),
        (change(measurements=[{}]), "measurements.0"),
        (change(measurements__1__transcribed="no"), "transcribed"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence(tmp_path: Path, content: bytes, fault: str):
    path = tmp_path / "alerts.json"
    path.write_bytes(content)
    with pytest.raises(WorkshopError) as refused:
        results.read("alerts", tmp_path)
    assert refused.value.happened.startswith(f"{path} is not a result of a benchmark: ")
    assert fault in refused.value.happened
    assert "git checkout" in refused.value.next_step


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"12"', "null"])
def test_a_raw_value_is_a_finite_number(tmp_path: Path, value: str):
    text = change().decode().replace('"values": {"p99": 1.0}', f'"values": {{"p99": {value}}}')
    (tmp_path / "alerts.json").write_text(text)
    assert value in text
    with pytest.raises(WorkshopError, match="not a result of a benchmark"):
        results.read("alerts", tmp_path)


def test_a_contradiction_is_not_written(tmp_path: Path):
    bad = Result(version=1, benchmark="alerts", units={}, measurements=[measured(run({"p99": 1.0}))])
    with pytest.raises(WorkshopError, match="was not written: the figure 'p99' has no unit"):
        results.write(bad, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_not_replaced(tmp_path: Path):
    path = tmp_path / "alerts.json"
    path.write_text("{")
    with pytest.raises(WorkshopError):
        results.add("alerts", {"p99": "ms"}, measured(run({"p99": 1.0})), tmp_path)
    assert path.read_text() == "{"
