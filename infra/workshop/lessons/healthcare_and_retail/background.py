"""One function of the notebook as a thread, such as a projection that follows a topic."""

from __future__ import annotations

import threading
from collections.abc import Callable

PATIENCE = 30.0  # seconds until a thread that was asked to stop has ended


class _Running:
    """The thread that runs, if there is one, and the signal that stops it."""

    thread: threading.Thread | None = None
    stopping = threading.Event()


def in_background(work: Callable, *arguments: object) -> None:
    """Run `work(*arguments, stopped)` in a thread; `stopped()` returns whether it shall end.

    An earlier thread is stopped first, so that a cell can run twice.
    """
    stop_background()
    _Running.stopping = threading.Event()
    _Running.thread = threading.Thread(target=work, args=(*arguments, _Running.stopping.is_set), daemon=True)
    _Running.thread.start()


def stop_background() -> None:
    """Stop the thread and wait for its end; without a thread, do nothing."""
    _Running.stopping.set()
    if _Running.thread:
        _Running.thread.join(PATIENCE)
    _Running.thread = None
