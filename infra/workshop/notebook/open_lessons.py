"""Memory of open lessons: each has a kernel with about 200 to 500 MB, also after its last cell."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psutil

SHORT = 0.7e9  # bytes that a lesson and the brokers need while it runs


def advice() -> str:
    """Return advice if memory is short and other notebooks use some of it; otherwise an empty string."""
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
    """Yield the resident memory in bytes of the other kernels of the same JupyterLab."""
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
