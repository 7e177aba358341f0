"""The command `workshop` as a person's terminal runs it, and what no person may ever read."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

WORKSHOP = str(Path(sys.prefix) / "bin" / "workshop")
NOISE = re.compile(
    r"Traceback|Exception ignored|Fatal Python|Logging error|Task was destroyed|never retrieved|\w+Warning: |File \"|\n\tat "
)


def start(*words: str, state: Path, program: str = WORKSHOP, **env: str) -> subprocess.Popen:
    """A command in a process group of its own, whose output is read as one text."""
    return subprocess.Popen(
        [program, *words],
        env={**os.environ, "WORKSHOP_STATE": str(state), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Where the suite itself runs in the background, its children would ignore Ctrl-C from birth.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(process: subprocess.Popen) -> tuple[int, str]:
    """The exit code and the output of a command that ends by itself."""
    said, _ = process.communicate(timeout=400)
    assert not NOISE.search(said), said
    return process.returncode, said
