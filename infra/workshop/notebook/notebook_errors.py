"""Messages in place of tracebacks for expected errors in notebooks."""

from __future__ import annotations

import linecache
import sys
from types import TracebackType
from typing import TYPE_CHECKING

from workshop.base import incidents
from workshop.notebook import foreign_errors

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

STOPPED = ["This cell was stopped before its end.", "→ Run it again from its beginning, or go on with the next one."]


def install() -> None:
    """Show messages for expected errors in this kernel; keep background output of libraries out of cells.

    Expected are: an undefined name, mostly because a cell was not run or the kernel was restarted; an interrupted cell;
    and the errors of `workshop.notebook.foreign_errors`. Other errors keep their traceback. Repeated calls are
    harmless.
    """
    if "IPython" not in sys.modules:
        return  # a program, not a notebook's kernel
    from IPython import get_ipython

    if (shell := get_ipython()) is not None:
        shell.set_custom_exc((Exception, KeyboardInterrupt), _tell)
        incidents.install_background_hooks()


def _tell(
    shell: InteractiveShell,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> list[str] | None:
    lines = _sentences(shell, error, trace)
    if isinstance(error, SyntaxError) and not _place(shell, trace):
        shell.showsyntaxerror()  # in the cell itself, so none of it was executed
        return None
    if not lines:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset, running_compiled_code=True)
        return None
    shell._showtraceback(kind, error, lines)
    return lines


def _sentences(shell: InteractiveShell, error: BaseException, trace: TracebackType) -> list[str]:
    if isinstance(error, KeyboardInterrupt):
        return STOPPED
    if hasattr(error, "_render_traceback_"):
        return []  # IPython calls the error's own method
    if isinstance(error, NameError):
        return _undefined(error)
    fact, *steps = foreign_errors.explained(error) or [""]
    return [fact, *_place(shell, trace), *steps] if fact else []


def _place(shell: InteractiveShell, trace: TracebackType | None) -> list[str]:
    """Return the line of the cell in which the error occurred."""
    found = []
    while trace is not None:
        if trace.tb_frame.f_globals is shell.user_global_ns:
            line = linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno).strip()
            found = [f"  in line {trace.tb_lineno}: {line}"] if line else []
        trace = trace.tb_next
    return found


def _undefined(error: BaseException) -> list[str]:
    return [
        f"{str(error)[:1].upper()}{str(error)[1:]}.",
        "→ If a cell further up defines it, run that one first (Run ▸ Run All Above Selected Cell):",
        "  after a restart of the kernel, nothing is defined.",
    ]
