"""Runner for an attendee's `block_card(bank, topic, card)`, in a process that dies at a chosen step."""

from __future__ import annotations

import inspect
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from workshop.base.environment import inherited
from workshop.base.errors import WorkshopError
from workshop.lessons.change_data_capture.bank import Bank

PATIENCE = 60  # seconds


def run_blocking(
    bank: Bank, how: Callable, topic: str, cards: Sequence[str], fatal_card: str = "", fatal_step: int = 0
) -> bool:
    """Block cards, one after the other; return whether the process was killed.

    Raises:
        WorkshopError: the function's code cannot be read, or it ended with an error of its own.
    """
    fate = (fatal_card, str(fatal_step)) if fatal_step else ()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "block_card.py"
        file.write_text(_source(how), encoding="utf-8")
        brokers = ",".join(bank.ws.kafka["bootstrap_servers"])
        argv = [
            sys.executable,
            "-m",
            "workshop.lessons.change_data_capture.blocking",
            file,
            how.__name__,
            brokers,
            topic,
            ",".join(cards),
            *fate,
        ]
        env = inherited(BANK_DATABASE=bank.postgres.address(bank.database))
        done = _run(argv, env)
    if done.returncode not in (0, -signal.SIGKILL):
        said = (done.stderr.strip() or "no word").splitlines()[-1]
        raise WorkshopError(
            f"`{how.__name__}` ended with {said}.",
            "It runs in a process of its own, which knows `json`, `uuid`, `Jsonb`, and nothing else of this notebook.",
        )
    return done.returncode == -signal.SIGKILL


def _run(argv: list, env: dict[str, str]) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise WorkshopError(
            f"Blocking cards did not end within {PATIENCE} s.", "What does the function wait for?"
        ) from None


def _source(how: Callable) -> str:
    try:
        return textwrap.dedent(inspect.getsource(how))
    except (OSError, TypeError):
        raise WorkshopError(
            "The code of this function cannot be read.", "Define it in a cell, with `def`, and run that cell."
        ) from None
