"""Machine and commit of a measurement."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import psutil

from benchmarks.results import Machine


def machine() -> Machine:
    """Return this machine."""
    return Machine(
        cores=os.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        architecture=platform.machine(),
    )


def commit(root: Path) -> tuple[str, bool]:
    """Return the checkout's commit, and whether tracked files differ from it, other than results."""
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!infra/benchmarks/results")
    return _git(root, "rev-parse", "HEAD"), bool(changed)


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()
