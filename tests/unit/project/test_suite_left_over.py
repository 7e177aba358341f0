"""What an interrupted run leaves behind is ended, and nothing else."""

import subprocess
import sys
from pathlib import Path

from suite import left_over

WAITING = [sys.executable, "-c", "input()"]


def test_only_what_works_in_the_runs_folder_is_ended(tmp_path: Path):
    folder, beside = tmp_path / "a run", tmp_path / "a run of another"
    folder.mkdir()
    beside.mkdir()
    with (
        subprocess.Popen(WAITING, cwd=folder, stdin=subprocess.PIPE) as inside,
        subprocess.Popen(WAITING, cwd=beside, stdin=subprocess.PIPE) as outside,
    ):
        said = left_over.end(folder)
        assert len(said) == 1
        assert inside.poll() is not None
        assert outside.poll() is None
        outside.kill()
    assert left_over.end(folder) == []
