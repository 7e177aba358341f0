"""Facts about a lesson, read from its notebook."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

EXECUTED, FAILED, NOT_EXECUTED = "executed", "failed", "not executed"
MINUTES = re.compile(r"(\d+)\s+minutes")
CAN = re.compile(r"\*\*After this lesson you can\*\*\s+(.+?)(?:\n\n|$)", re.DOTALL)
TAKE_AWAY = re.compile(
    r"^## To take away\s*\n(.+?)(?=^#|^\*?\*?Going further|^\*\*Next|^\*\*Back|\Z)", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Lesson:
    """A lesson of the site.

    Attributes:
        notebook: executed or not.
        name: the file's name without its ending, such as `03_replication`.
        title: the first heading, such as "03 · Replication".
        minutes: the minutes that its first cell names, or None.
        can: what the reader can do afterwards, without markup of the lead-in; or empty.
        take_away: the paragraphs below "To take away", or empty.
        kubernetes: whether its stack must have Kubernetes.
        run: the record of its execution (`workshop.notebook.run_record`); empty if it was not executed.
        outdated: whether the lesson was edited after this run.
    """

    notebook: NotebookNode
    name: str
    title: str
    minutes: int | None
    can: str
    take_away: str
    kubernetes: bool
    run: dict[str, Any] = field(default_factory=dict)
    outdated: bool = False

    @property
    def key(self) -> str:
        """What names the lesson on the command line: its number, or `express`."""
        return self.name.partition("_")[0]

    @property
    def state(self) -> str:
        """One of `EXECUTED`, `FAILED`, `NOT_EXECUTED`."""
        if not self.run:
            return NOT_EXECUTED
        return FAILED if self.run.get("message") else EXECUTED

    @property
    def day(self) -> str:
        """The day of the execution in UTC, such as 2026-11-29; empty if there was none."""
        return self.run["ended"][:10] if self.run else ""


def read(path: Path) -> Lesson:
    """Read one notebook as a lesson."""
    notebook = nbformat.read(path, as_version=4)
    about = notebook.metadata.get("workshop", {})
    first = notebook.cells[0].source if notebook.cells else ""
    minutes, can = MINUTES.search(first), CAN.search(first)
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    take_away = TAKE_AWAY.search(text)
    return Lesson(
        notebook=notebook,
        name=path.stem,
        title=first.partition("\n")[0].lstrip("# ").strip() or path.stem,
        minutes=int(minutes[1]) if minutes else None,
        can=can[1].strip() if can else "",
        take_away=take_away[1].strip() if take_away else "",
        kubernetes=about.get("needs") == "kubernetes",
        run=dict(about.get("run", {})),
        outdated=bool(about.get("outdated")),
    )


def executed_sentence(run: dict[str, Any]) -> str:
    """Return when, at which commit and on what machine a lesson was executed."""
    ended = datetime.fromisoformat(run["ended"])
    commit = f" at commit {run['commit']}" if run["commit"] else ""
    changed = ", with uncommitted changes," if run["changed"] else ""
    backend = f", backend {run['backend']}" if run["backend"] else ""
    machine = f"{run['cores']} processors, {run['memory_gb']:.0f} GB of memory, {run['system']}, Python {run['python']}"
    return (
        f"Executed on {ended:%Y-%m-%d} at {ended:%H:%M} UTC{commit}{changed} in {run['seconds']:.0f} seconds "
        f"({machine}{backend})."
    )
