"""Duration of the test command `./infra/test.sh` with a full cache.

Each run is in a new clone of the current commit; its complete output is in `runs/suite-*.log`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings

from benchmarks.measuring import Values

STACK = "none"
RUNS = 1
FIGURES = {"duration": "min"}
OPTIONS = {"busy": ["--busy"], "full": ["--full"]}


def clone(root: Path, folder: Path) -> Path:
    """Clone the current commit of this checkout and return the folder of the clone."""
    made = folder / "a clone"
    subprocess.run(["git", "clone", "--quiet", "--local", str(root), str(made)], check=True)
    return made


def minutes(kind: str, number: int) -> float:
    """Run the test command once and return its minutes.

    Args:
        kind: "warm", "cold" (with an empty cache, so that everything is downloaded and compiled), "busy", or "full".

    Raises:
        WorkshopError: a test failed.
    """
    root = Settings.load().root
    log = root / "runs" / f"suite-{kind}-{number}.log"
    log.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)  # as root: PostgreSQL runs as another user, who must be able to enter the folder
        cache = {"WORKSHOP_CACHE": str(Path(scratch) / "cache")} if kind == "cold" else {}
        command = ["./infra/test.sh", *OPTIONS.get(kind, [])]
        began = time.perf_counter()
        with log.open("w") as out:
            place = clone(root, Path(scratch))
            done = subprocess.run(command, cwd=place, env={**os.environ, **cache}, stdout=out, stderr=out, check=False)
    took = (time.perf_counter() - began) / 60
    if done.returncode:
        raise WorkshopError(f"The suite ended with exit code {done.returncode} after {took:.1f} minutes; see {log}.")
    return took


def measure(run: int) -> Values:
    """Run the whole suite."""
    yield "duration", minutes("warm", run)
