"""Messages for errors of the operating system, with the next step."""

from __future__ import annotations

import errno

from workshop.base.errors import WorkshopError

FOLDERS = "set WORKSHOP_STATE or WORKSHOP_CACHE to a folder that you may write"
DOCTOR = "`workshop doctor` examines disk, folders and rights."


def explained(error: OSError) -> WorkshopError:
    """Return an error of the operating system as a `WorkshopError`."""
    place = f": {error.filename}" if error.filename else ""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return WorkshopError(f"The disk is full{place}.", f"Free some space, or {FOLDERS}. {DOCTOR}")
        case errno.EROFS:
            return WorkshopError(
                f"The file system is read-only{place}.", f"{FOLDERS[:1].upper()}{FOLDERS[1:]}. {DOCTOR}"
            )
        case errno.EACCES | errno.EPERM:
            return WorkshopError(f"Permission denied{place}.", f"Change its rights, or {FOLDERS}. {DOCTOR}")
        case errno.EMFILE | errno.ENFILE:
            return WorkshopError("Too many files are open.", "Run `ulimit -n 4096`, then the same command again.")
        case _:
            said = error.strerror or str(error)
            return WorkshopError(f"The operating system reports: {said}{place}.", DOCTOR)
