"""The attendees' notebooks, generated from the solved ones: the answer cells are emptied, everything else stays.

A cell is an answer cell if it carries the tag `answer`. Cells are recognised by their ids, so that what an attendee wrote,
in answer cells and in cells of their own, is found again.
"""

from __future__ import annotations

import copy
import subprocess
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from workshop.base import learner_progress
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.settings import Settings

STUB = "# Write your code here."
ANSWER = "answer"


def solutions(settings: Settings) -> list[Path]:
    """The solved lessons, in order."""
    return sorted((settings.root / "solutions").glob("[0-9][0-9]_*.ipynb"))


def solution(settings: Settings, lesson: str) -> Path:
    """The solved notebook of one lesson, such as `00`.

    Raises:
        WorkshopError: there is no such lesson.
    """
    found = {path.name[:2]: path for path in solutions(settings)}
    if lesson.zfill(2) not in found:
        raise WorkshopError(f"There is no lesson '{lesson}'.", f"There are: {', '.join(found)}.")
    return found[lesson.zfill(2)]


def needs_kubernetes(path: Path) -> bool:
    """Whether a lesson runs only where the stack has Kubernetes: its metadata say so."""
    return _read(path).metadata.get("workshop", {}).get("needs") == "kubernetes"


def is_answer(cell: NotebookNode) -> bool:
    """Whether attendees write this cell."""
    return ANSWER in cell.metadata.get("tags", [])


def attendee_copy(solved: NotebookNode) -> NotebookNode:
    """The notebook as it is handed out: no answers, no outputs."""
    notebook = copy.deepcopy(solved)
    for cell in notebook.cells:
        if is_answer(cell):
            cell.source = STUB
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def generate_all(settings: Settings) -> list[Path]:
    """Write the notebooks that are out of date; an attendee's answers stay, and a backup is kept of what had any."""
    written = []
    for path in solutions(settings):
        target = settings.root / "notebooks" / path.name
        fresh = attendee_copy(_read(path))
        if target.exists():
            existing = _read(target)
            if not differences(fresh, existing):
                continue
            if _keep_answers(fresh, existing):
                _back_up(settings, target)
        write_atomically(target, _text(fresh))
        written.append(target)
    return written


def restore(settings: Settings, lesson: str) -> tuple[str, Path | None]:
    """Hand a lesson out again and forget its progress; returns its path and where the former one was kept, if any."""
    solved = solution(settings, lesson)
    target = settings.root / "notebooks" / solved.name
    backup = _back_up(settings, target) if target.exists() else None
    write_atomically(target, _text(attendee_copy(_read(solved))))
    learner_progress.forget(settings, solved.name[:2])
    return str(target.relative_to(settings.root)), backup


def out_of_date(settings: Settings) -> list[str]:
    """The names of the notebooks that are not what their solution generates, answers and outputs apart."""
    stale = []
    for path in solutions(settings):
        handed_out = _handed_out(settings, path.name)
        if handed_out is None or differences(attendee_copy(_read(path)), handed_out):
            stale.append(path.name)
    known = {path.name for path in solutions(settings)}
    left_over = {path.name for path in (settings.root / "notebooks").glob("[0-9][0-9]_*.ipynb")} - known
    return sorted(stale + list(left_over))


def differences(fresh: NotebookNode, existing: NotebookNode) -> list[str]:
    """The ids of the given cells that are missing, moved or have another text; cells that an attendee added do not count."""
    given = [(cell.id, cell.source) for cell in fresh.cells if not is_answer(cell)]
    answers = {cell.id for cell in fresh.cells if is_answer(cell)}
    known = {name for name, _ in given}
    there = [(cell.id, cell.source) for cell in existing.cells if cell.id in known]
    missing = answers - {cell.id for cell in existing.cells}
    if given == there and not missing:
        return []
    return sorted({name for name, _ in set(given) ^ set(there)} | missing) or ["the order of the cells"]


def _keep_answers(fresh: NotebookNode, existing: NotebookNode) -> bool:
    """Put an attendee's answers into a fresh notebook; returns whether there was anything of theirs."""
    theirs = {cell.id: cell for cell in existing.cells}
    known = {cell.id for cell in fresh.cells}
    found = bool(set(theirs) - known)
    for cell in fresh.cells:
        if is_answer(cell) and cell.id in theirs and theirs[cell.id].source.strip() != STUB:
            cell.source = theirs[cell.id].source
            found = True
    return found


def _handed_out(settings: Settings, name: str) -> NotebookNode | None:
    """The attendees' notebook to compare: the committed one if only an attendee has worked since, else the file."""
    file = settings.root / "notebooks" / name
    changed = _git(settings, "status", "--porcelain", "--", f"solutions/{name}", f"notebooks/{name}")
    worked_on = [line[3:] for line in (changed or "").splitlines()] == [f"notebooks/{name}"]
    committed = _git(settings, "show", f"HEAD:notebooks/{name}") if worked_on else None
    if committed:
        return nbformat.reads(committed, as_version=4)
    return _read(file) if file.exists() else None


def _git(settings: Settings, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=settings.root, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _back_up(settings: Settings, target: Path) -> Path:
    backup = settings.common / "backups" / f"{target.stem}-{datetime.now():%Y%m%d-%H%M%S}.ipynb"
    write_atomically(backup, target.read_bytes())
    return backup


def _read(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, nbformat.reader.NotJSONError) as error:
        raise WorkshopError(
            f"{path.name} cannot be read as a notebook: {error}.",
            f"`workshop reset {path.name[:2]}` restores it; yours is kept.",
        ) from error


def _text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook, version=4) + "\n"
