"""Start of the kernel `workshop-streams`: in the environment of lesson 11, or in the ordinary one until that is installed.

JupyterLab runs this module as the kernel's command. With the ordinary environment, the lesson's first cell can run and tell
what to do; a kernel that does not start could only show an error of JupyterLab.
"""

from __future__ import annotations

import os
import sys

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.stack.streams import environment

NAME = "workshop-streams"
TITLE = "Python (stream processing)"
KERNEL = ("-Xfrozen_modules=off", "-m", "ipykernel_launcher")


def interpreter() -> str:
    """Return the path of the Python that runs the kernel."""
    try:
        settings = Settings.load()
        chosen = environment.python(settings) if environment.is_current(settings) else None
    except (WorkshopError, OSError):  # the first cell reports it
        chosen = None
    return str(chosen or sys.executable)


def main(arguments: list[str]) -> None:
    """Replace this process by the kernel."""
    program = interpreter()
    os.execv(program, [program, *KERNEL, *arguments])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
