"""In a notebook, what goes wrong is told in sentences: for errors that the workshop can foresee, in place of a traceback."""

from __future__ import annotations

from typing import Any

STOPPED = ["This cell was stopped before its end.", "→ Run it again from its beginning, or go on with the next one."]
STARTUP = "from workshop.notebook_errors import install; install()\n"


def install() -> None:
    """Tell what is no fault of a program's: a name that is not defined, and a cell that somebody has stopped.

    A name is mostly missing because a cell was not run, or because the kernel was restarted.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((NameError, KeyboardInterrupt), _tell)


def _tell(shell: Any, kind: type, error: BaseException, traceback: Any, tb_offset: int | None = None) -> list[str]:
    lines = STOPPED if isinstance(error, KeyboardInterrupt) else _undefined(error)
    shell._showtraceback(kind, error, lines)
    return lines


def _undefined(error: BaseException) -> list[str]:
    return [
        f"{str(error)[:1].upper()}{str(error)[1:]}.",
        "→ If a cell further up defines it, run that one first (Run ▸ Run All Above Selected Cell):",
        "  after a restart of the kernel, nothing is defined.",
    ]
