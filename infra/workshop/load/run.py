"""Load on the payments service in stages, with its results as a table while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from workshop.load.payment import Answer
from workshop.load.sender import Plan, Stage
from workshop.load.traffic import Sending

__all__ = ["Load", "Stage", "percentile"]

COLUMNS = ("at", "seconds", "status")
TIMEOUT = 30.0  # seconds after which a payment counts as failed


@dataclass
class Load:
    """A load in stages on the payments service; use it in a `with` block.

    Attributes:
        url: the service's address.
        stages: the stages, one after the other.
    """

    url: str
    stages: Sequence[Stage]
    _answers: list[Answer] = field(default_factory=list)
    _sending: Sending = field(init=False, repr=False, compare=False)
    _began: float = 0.0

    @property
    def planned(self) -> float:
        """The duration of all stages in seconds."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def now(self) -> float:
        """Seconds since the start of the load."""
        return time.monotonic() - self._began

    def __enter__(self) -> Load:
        self._sending = Sending(Plan(self.url, TIMEOUT, tuple(self.stages)), self._answers)
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._sending.end()

    @property
    def runs(self) -> bool:
        """Whether payments are still made or in progress."""
        return self._sending.runs

    def answers(self) -> pd.DataFrame:
        """Return all answers: `at` (seconds since the start), `seconds` (duration), `status` (HTTP; 0: none)."""
        rows = [(one.at, one.seconds, one.status) for one in list(self._answers)]
        return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("at", ignore_index=True)


def percentile(answers: pd.DataFrame, since: float, until: float, share: float = 0.95) -> float:
    """Return the response time in seconds that the given share of payments did not exceed.

    Args:
        since, until: the period in which the payments were sent.
    """
    chosen = answers.loc[(answers["at"] >= since) & (answers["at"] < until), "seconds"]
    return float(chosen.quantile(share)) if len(chosen) else float("nan")
