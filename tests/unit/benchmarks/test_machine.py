"""Machine and commit of a measurement."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from benchmarks.machine import commit, machine


def test_the_machine_is_this_one():
    found = machine()
    assert found.cores == os.cpu_count()
    assert found.memory_gb > 0.1
    assert os.uname().release in found.kernel


def test_a_changed_file_is_reported_and_a_new_result_is_not(tmp_path: Path):
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    result = tmp_path / "infra/benchmarks/results/a.json"
    result.parent.mkdir(parents=True)
    for path in (result, tmp_path / "code.py"):
        path.write_text("1")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    result.write_text("2")
    name, changed = commit(tmp_path)
    assert (len(name), changed) == (40, False)
    (tmp_path / "code.py").write_text("2")
    assert commit(tmp_path) == (name, True)
