"""Waiting: bounded, and by asking, never by guessing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from workshop.errors import WorkshopError

T = TypeVar("T")


def wait_until(
    probe: Callable[[], T | None],
    timeout: float,
    what: str,
    *,
    next_step: str = "",
    detail: Callable[[], str] = lambda: "",
    every: float = 0.05,
) -> T:
    """Ask `probe` until it answers with something true, and return that.

    Args:
        probe: asks the protocol; None or False means "not yet". What it raises is raised here.
        timeout: seconds.
        what: what is waited for, as it stands after "waited for".
        detail: evaluated on a time-out, such as the tail of a log.
        every: seconds between two questions.

    Raises:
        WorkshopError: the time-out, with what was waited for.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise WorkshopError(f"Waited {timeout:g} s for {what}, and it did not come.", next_step, detail())
        time.sleep(every)
