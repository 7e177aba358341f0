"""A program beside this process: ready before it is used, and ended with its input."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from workshop.base.errors import WorkshopError
from workshop.load import beside
from workshop.load.beside import Beside

PROGRAM = """
import asyncio, sys
from workshop.load.beside import ready
async def main():
    await ready().wait()
    print("left", *sys.argv[1:], flush=True)
asyncio.run(main())
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that a child process finds."""
    (tmp_path / "a_program_beside.py").write_text(PROGRAM)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    return "a_program_beside"


def test_a_program_runs_until_its_input_ends(module: str):
    program = Beside(module, "a", "b")
    assert program.runs
    program.leave()
    assert program.output.read() == "left a b\n"
    program.end(60)
    assert program.process.returncode == 0
    assert program.output.closed


def test_a_program_that_does_not_end_is_killed(module: str):
    (Path(os.environ["PYTHONPATH"].split(os.pathsep)[0]) / f"{module}.py").write_text(
        "import time\nprint('ready', flush=True)\ntime.sleep(600)"
    )
    program = Beside(module)
    program.end(0.01)
    assert not program.runs


def test_a_program_that_ends_before_it_is_ready_is_reported():
    with pytest.raises(WorkshopError, match="a_program_that_is_missing ended right after its start"):
        Beside("a_program_that_is_missing")


def test_the_end_of_the_input_is_an_event(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    reads, writes = os.pipe()

    async def scenario() -> bool:
        with os.fdopen(reads) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            left = beside.ready()
            before = left.is_set()
            os.close(writes)
            await asyncio.wait_for(left.wait(), 60)
            asyncio.get_running_loop().remove_reader(stdin.fileno())
            return before

    assert asyncio.run(scenario()) is False
    assert capsys.readouterr().out == "ready\n"
