"""Lessons that were left open: each has a kernel, which holds some 200 to 500 MB, also when the lesson is over."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psutil

SHORT = 0.7e9  # bytes: what a lesson needs for itself, and the brokers while it runs


def advice() -> str:
    """What to do when this machine's memory runs short and other notebooks hold some of it; empty when there is nothing."""
    free = psutil.virtual_memory().available
    others = list(kernels_beside()) if free < SHORT else []
    if not others:
        return ""
    notebooks = "1 other open notebook holds" if len(others) == 1 else f"{len(others)} other open notebooks hold"
    return (
        f"Memory runs short: {free / 1e6:,.0f} MB are available, and {notebooks} {sum(others) / 1e6:,.0f} MB. "
        "Close the tabs of lessons that you are done with."
    )


def kernels_beside() -> Iterator[int]:
    """The resident memory of each kernel that the same Lab has started, in bytes, without this one."""
    try:
        beside = psutil.Process(os.getppid()).children()
    except psutil.Error:
        return
    for process in beside:
        try:
            if process.pid != os.getpid() and "ipykernel_launcher" in process.cmdline():
                yield process.memory_info().rss
        except psutil.Error:
            continue  # it ended meanwhile
