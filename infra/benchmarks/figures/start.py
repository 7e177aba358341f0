"""Duration of `workshop up --no-lab` and `workshop down` on stacks of its own: from an empty folder, again, after `down`.

Everything is fetched and compiled before. `up` ends when brokers, three nodes and services are ready.
"""

from __future__ import annotations

import os
import tempfile

from benchmarks.measuring import Values, timed

STACK = "local"
RUNS = 5
FIGURES = {"from an empty folder": "s", "on a running stack": "s", "down": "s", "after down": "s"}


def measure(run: int) -> Values:
    """Start a stack, start it again, stop it, start it, and remove it."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "WORKSHOP_STATE": folder, "WORKSHOP_BACKEND": "local"}
        try:
            yield "from an empty folder", timed(env, "up", "--no-lab")
            yield "on a running stack", timed(env, "up", "--no-lab")
            yield "down", timed(env, "down")
            yield "after down", timed(env, "up", "--no-lab")
        finally:
            timed(env, "reset")
