"""Start of PostgreSQL as the user nobody if root runs the workshop: PostgreSQL refuses root."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from workshop.base.errors import WorkshopError

NOBODY = 65534
WAYS_IN = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup")


def prefix(paths: Iterable[Path]) -> tuple[str, ...]:
    """Return the words before a command that must not run as root; empty for an ordinary user.

    Args:
        paths: files that the command must reach. If one of them, or a folder above it such as root's home, is closed to
            others, the command keeps one of root's capabilities, CAP_DAC_OVERRIDE. PostgreSQL asks access(2) about its own
            programs, which ignores the capabilities of a user other than root unless the securebit `no_setuid_fixup` is set
            (capabilities(7)).

    Raises:
        WorkshopError: `setpriv`, which drops root's rights, is not on the PATH.
    """
    if os.geteuid() != 0:
        return ()
    program = shutil.which("setpriv")
    if program is None:
        raise WorkshopError(
            "PostgreSQL does not run as root, and `setpriv`, which gives root's rights up, is not there.",
            "Run the workshop as an ordinary user, or install util-linux.",
        )
    ways_in = () if all(map(_is_open, paths)) else WAYS_IN
    return (program, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", *ways_in)


def hand_over(folder: Path) -> None:
    """Change the owner of a folder and its content to the user that `prefix` selects."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _is_open(path: Path) -> bool:
    """Return whether every user may enter the folders of a path and, if it is a program, run it."""
    folders = {*path.absolute().parents, *path.resolve().parents}
    programs = {path.resolve()} if path.is_file() else set()
    return all(each.stat().st_mode & stat.S_IXOTH for each in folders | programs)
