"""Load on the payments service: starts locust as a process and reads its results while it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.base.waiting import wait_until

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
COLUMNS = ("at", "seconds", "status")


@dataclass(frozen=True)
class Stage:
    """A stage of a load: its duration in seconds and its rate in payments per second."""

    seconds: float
    rate: float


@dataclass
class Load:
    """A load in stages on the payments service; use it in a `with` block.

    Attributes:
        url: the service's address.
        stages: the stages, one after the other.
    """

    settings: Settings
    url: str
    stages: Sequence[Stage]
    _file: Path = field(init=False)
    _process: subprocess.Popen = field(init=False, repr=False, compare=False)
    _began: float = 0.0

    def __post_init__(self) -> None:
        folder = self.settings.state / "load"
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{uuid.uuid4().hex}.jsonl"

    @property
    def planned(self) -> float:
        """The duration of all stages in seconds."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def now(self) -> float:
        """Seconds since the start of the load."""
        return time.monotonic() - self._began

    def __enter__(self) -> Load:
        stages = json.dumps([[stage.seconds, stage.rate] for stage in self.stages])
        env = {**os.environ, "WORKSHOP_STAGES": stages, "WORKSHOP_ANSWERS": str(self._file)}
        words = ["-f", str(LOCUSTFILE), "--headless", "--host", self.url, "--stop-timeout", "20", "--loglevel", "ERROR"]
        log = self._file.with_suffix(".log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "locust", *words, "--only-summary", "--exit-code-on-error", "0"],
            env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        wait_until(self._is_there, 60, "locust to start", every=0.02, detail=self._log)
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop locust, and wait for requests in progress."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def runs(self) -> bool:
        """Whether locust is still running."""
        return self._process.poll() is None

    def answers(self) -> pd.DataFrame:
        """Return all answers: `at` (seconds since the start), `seconds` (duration), `status` (HTTP; 0: none)."""
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("}")]
        return pd.DataFrame(rows, columns=COLUMNS).sort_values("at", ignore_index=True)

    def _is_there(self) -> bool:
        if self._process.poll() is not None:
            raise WorkshopError("Locust ended right after its start.", "The end of its output:", self._log())
        return self._file.exists()

    def _log(self) -> str:
        return self._file.with_suffix(".log").read_text()[-2000:]


def percentile(answers: pd.DataFrame, since: float, until: float, share: float = 0.95) -> float:
    """Return the response time in seconds that the given share of payments did not exceed.

    Args:
        since, until: the period in which the payments were sent.
    """
    chosen = answers.loc[(answers["at"] >= since) & (answers["at"] < until), "seconds"]
    return float(chosen.quantile(share)) if len(chosen) else float("nan")
