"""Timer slack of processes: timers may fire a little late, so that one wake-up serves several of them.

An idle broker wakes up 200 times per second because a thread's timeout expires, and finds no work. The kernel may combine
such wake-ups ("timer slack", prctl(2), PR_SET_TIMERSLACK; Linux only). Network traffic still wakes a thread at once, and on a
busy machine, where timers are checked at every tick, hardly any timer fires late.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PR_SET_TIMERSLACK = 29
USUAL = 50_000  # ns: the default of a process


@contextmanager
def inherited(seconds: float) -> Iterator[None]:
    """Give this timer slack to the processes started within the block, and to their descendants.

    Args:
        seconds: the timer slack; 0 changes nothing. On other systems than Linux, the block has no effect.
    """
    if not seconds or sys.platform != "linux":
        yield
        return
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(round(seconds * 1e9)))
    try:
        yield
    finally:
        prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(0))  # 0 restores the thread's initial value
