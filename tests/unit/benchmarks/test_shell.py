"""Values in the output of shell scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import run, shell
from workshop.base.errors import WorkshopError


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of scripts in place of the benchmarks' own."""
    monkeypatch.setattr(shell, "HERE", tmp_path)
    return tmp_path


def test_a_line_with_an_equals_sign_is_a_value():
    assert shell.values("as ana\n= size: 632\nsize = 5\n= empty cache: 71.5\n= no number: -\n") == {
        "size": 632.0,
        "empty cache": 71.5,
    }


def test_a_script_gets_its_arguments_word_by_word(scripts: Path):
    (scripts / "count.sh").write_text('echo "= words: $#"\n')
    assert list(shell.script("count.sh", "a folder", "it's")) == [("words", 2.0)]


@pytest.mark.parametrize(("text", "values"), [("echo '= size: 5'; echo no network; exit 3", [5.0]), ("echo hello", [])])
def test_a_failed_or_silent_script_is_an_error_with_its_output(scripts: Path, text: str, values: list[float]):
    (scripts / "bad.sh").write_text(text)
    found: list[float] = []
    with pytest.raises(WorkshopError, match="ended with exit code") as error:
        found.extend(value for _, value in shell.script("bad.sh"))
    assert found == values
    assert error.value.detail.strip().endswith(("no network", "hello"))


@pytest.mark.parametrize("name", ["bundle", "fresh_clone"])
def test_a_script_prints_the_figures_of_its_benchmark(name: str):
    text = (Path(run.__file__).parent / f"{name}.sh").read_text()
    for figure in run.load(name).FIGURES:
        assert f"= {figure}: " in text or f'one_run "{figure}"' in text
