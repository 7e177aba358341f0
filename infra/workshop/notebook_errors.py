"""In a notebook, what goes wrong is told in sentences: for errors that the workshop can foresee, in place of a traceback."""

from __future__ import annotations

STARTUP = "from workshop.notebook_errors import install; install()\n"


def install() -> None:
    """Tell a name that is not defined as what it mostly is: a cell that was not run, or a kernel that was restarted."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((NameError,), _tell)


def _tell(shell, kind, error, traceback, tb_offset=None) -> list[str]:
    lines = [
        f"{str(error)[:1].upper()}{str(error)[1:]}.",
        "→ If a cell further up defines it, run that one first (Run ▸ Run All Above Selected Cell): "
        "after a restart of the kernel, nothing is defined.",
    ]
    shell._showtraceback(kind, error, lines)
    return lines
