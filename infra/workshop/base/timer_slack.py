"""Programs whose timeouts may come a little late, so that one wake-up serves several of them.

An idle broker wakes up two hundred times a second because some thread's time is over, and finds nothing to do. The kernel may
put such moments together ("timer slack", prctl(2), PR_SET_TIMERSLACK; Linux only). Whatever comes over the network wakes a
thread at once all the same, and on a busy machine, where timers are looked at with every tick, next to nothing comes late.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PR_SET_TIMERSLACK = 29
USUAL = 50_000  # ns: what a process has of which nobody says otherwise


@contextmanager
def inherited(seconds: float) -> Iterator[None]:
    """What this thread starts within the block has this timer slack, and so has what that starts in turn.

    Args:
        seconds: 0 changes nothing; nor does anything elsewhere than on Linux.
    """
    if not seconds or sys.platform != "linux":
        yield
        return
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(round(seconds * 1e9)))
    try:
        yield
    finally:
        prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(0))  # what the thread began with
