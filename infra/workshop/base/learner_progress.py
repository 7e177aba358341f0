"""Record of the exercises that an attendee has passed, in a small file that all stacks share."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from workshop.base.files import locked, read_record, write_atomically
from workshop.base.settings import Settings


def read(settings: Settings) -> dict[str, str]:
    """Return the time at which each exercise was first passed, by its id such as `00.1`."""
    return read_record(_file(settings))


def record(settings: Settings, exercise: str) -> None:
    """Record that an exercise was passed."""
    with locked(settings.common / "progress.lock", 10, "notes your progress"):
        passed = read(settings)
        passed.setdefault(exercise, datetime.now().astimezone().isoformat(timespec="seconds"))
        write_atomically(_file(settings), json.dumps(passed, indent=1))


def forget(settings: Settings, lesson: str) -> None:
    """Remove the record of the exercises of one lesson, such as `00`."""
    with locked(settings.common / "progress.lock", 10, "notes your progress"):
        kept = {key: value for key, value in read(settings).items() if key.split(".")[0] != lesson}
        write_atomically(_file(settings), json.dumps(kept, indent=1))


def _file(settings: Settings) -> Path:
    return settings.common / "progress.json"
