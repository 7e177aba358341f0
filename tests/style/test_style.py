"""Style checks as tests: each runs the same command as a developer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from workshop.base.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CACHE = Settings.load().cache  # mypy's cache is valid for every clone
COMMANDS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy", "--cache-dir", str(CACHE / "mypy")],
    "layers": ["lint-imports", "--no-cache"],
    "spelling": ["codespell", "."],
    "notebooks in sync": ["workshop", "notebooks", "--check"],
    "known vulnerabilities": ["python", "infra/tools/audit.py"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_command_finds_nothing(command: list[str]):
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout[-6000:]}", pytrace=False)
