"""The first cell of lesson 11: the right kernel, or what to do to get it."""

from __future__ import annotations

import importlib
import logging
import warnings

from workshop.base.errors import WorkshopError
from workshop.base.settings import Settings
from workshop.notebook import notebook_errors
from workshop.stack.streams import environment
from workshop.stack.streams.kernel import TITLE

CHANGE = f"In the menu: Kernel ▸ Change Kernel… ▸ {TITLE}. If that is chosen already: Kernel ▸ Restart Kernel…."
RESTART = f"In the menu: Kernel ▸ Restart Kernel…. Then run this cell again. (The top right corner must show: {TITLE}.)"


def needed() -> None:
    """Continue in the environment of this lesson; install it if it is missing.

    Raises:
        WorkshopError: another kernel runs this notebook; the message has the menu entry that changes it.
    """
    notebook_errors.install()
    settings = Settings.load()
    if not environment.is_current(settings):
        _install(settings)
        raise WorkshopError("The environment of this lesson is installed now.", RESTART)
    if not environment.is_here(settings):
        raise WorkshopError("This kernel has no Quix Streams: it is the kernel of the other lessons.", CHANGE)
    quiet()


def _install(settings: Settings) -> None:
    print("This lesson needs more packages. They are installed once; this may take a minute …")
    environment.install(settings, lambda text: print(f"  {text}"))


def quiet() -> None:
    """Keep a library's notes to developers, and the log of Quix Streams, out of the cells: its errors are raised too."""
    with warnings.catch_warnings(
        record=True, action="ignore"
    ):  # authlib shows its own warning whatever filters there are
        importlib.import_module("quixstreams")
    logging.getLogger("quixstreams").setLevel(logging.CRITICAL)
