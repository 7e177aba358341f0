"""The command `workshop` as a process in a terminal, and patterns that its output must not contain."""

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
    """Start a command in a session of its own; stdout and stderr are one stream of text."""
    return subprocess.Popen(
        [program, *words],
        env={**os.environ, "WORKSHOP_STATE": str(state), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # If the suite runs in the background, its children inherit an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(process: subprocess.Popen) -> tuple[int, str]:
    """Wait for a command; return its exit code and its output, which must not match `NOISE`."""
    said, _ = process.communicate(timeout=400)
    assert not NOISE.search(said), said
    return process.returncode, said
