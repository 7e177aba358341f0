"""PostgreSQL refuses to run as root: what starts it as nobody instead, where root runs the workshop."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from workshop.base.errors import WorkshopError

NOBODY = 65534


def prefix(paths: Iterable[Path]) -> tuple[str, ...]:
    """The words before a command that must not run as root; none for an ordinary user.

    Args:
        paths: what it must reach. If they lie in a folder that is closed to others, such as root's home, it is let through,
            and keeps of root's rights only that one.

    Raises:
        WorkshopError: root has no program at hand that gives its rights up.
    """
    if os.geteuid() != 0:
        return ()
    program = shutil.which("setpriv")
    if program is None:
        raise WorkshopError(
            "PostgreSQL does not run as root, and `setpriv`, which gives root's rights up, is not there.",
            "Run the workshop as an ordinary user, or install util-linux.",
        )
    ways_in = () if all(map(_is_open, paths)) else ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    return (program, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", *ways_in)


def hand_over(folder: Path) -> None:
    """Give a folder, with all that is in it, to the user as whom `prefix` starts programs."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _is_open(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)
