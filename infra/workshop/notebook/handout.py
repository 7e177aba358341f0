"""The attendees' notebooks, generated from the solved ones with empty answer cells.

A cell is an answer cell if it carries the tag `answer`. Cells are identified by their ids, so that an attendee's answers and
additional cells are recognised.
"""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from workshop.base import learner_progress
from workshop.base.errors import WorkshopError
from workshop.base.files import write_atomically
from workshop.base.settings import Settings
from workshop.notebook import express
from workshop.stack.streams import kernel

STUB = "# Write your code here."
ANSWER = "answer"


def solutions(settings: Settings) -> list[Path]:
    """Return the solved lessons, in order."""
    return sorted((settings.root / "solutions").glob("[0-9][0-9]_*.ipynb"))


def solution(settings: Settings, lesson: str) -> Path:
    """Return the solved notebook of one lesson, such as `00`, or the path that `read_solved` takes for `express`.

    Raises:
        WorkshopError: there is no such lesson.
    """
    found = {key(path): path for path in solutions(settings)}
    if express.frame(settings.root):
        found[express.NAME] = settings.root / "solutions" / f"{express.NAME}.ipynb"
    if lesson.zfill(2) not in found:
        raise WorkshopError(f"There is no lesson '{lesson}'.", f"There are: {', '.join(found)}.")
    return found[lesson.zfill(2)]


def key(path: Path) -> str:
    """Return what names a notebook on the command line: the lesson's number, or `express`."""
    return path.stem.partition("_")[0]


def handed_out(settings: Settings) -> Iterator[Path]:
    """Yield the solved notebooks from which `notebooks/` is generated: the lessons, then the express notebook."""
    yield from solutions(settings)
    if express.frame(settings.root):
        yield solution(settings, express.NAME)


def read_solved(path: Path) -> NotebookNode:
    """Return a solved notebook; the express notebook, which has no file among the solutions, is built."""
    if path.stem == express.NAME and (built := express.build(path.parents[1])):
        return built
    return _read(path)


def needs_kubernetes(path: Path) -> bool:
    """Return whether a lesson's metadata require a stack with Kubernetes."""
    return read_solved(path).metadata.get("workshop", {}).get("needs") == "kubernetes"


def needs_streams(notebook: NotebookNode) -> bool:
    """Return whether a notebook runs in the environment of lesson 11."""
    return notebook.metadata.get("kernelspec", {}).get("name") == kernel.NAME


def is_answer(cell: NotebookNode) -> bool:
    """Return whether a cell is for the attendees' answers."""
    return ANSWER in cell.metadata.get("tags", [])


def attendee_copy(solved: NotebookNode) -> NotebookNode:
    """Return the notebook for attendees: without answers, outputs and times of execution."""
    notebook = copy.deepcopy(solved)
    for cell in notebook.cells:
        if is_answer(cell):
            cell.source = STUB
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
        if express.TAG in cell.metadata.get("tags", []):
            cell.metadata.tags.remove(express.TAG)
            if not cell.metadata.tags:
                del cell.metadata["tags"]
    return notebook


def generate_all(settings: Settings) -> list[Path]:
    """Write the notebooks that are out of date; keep answers, and back up notebooks that contain any."""
    written = []
    for path in handed_out(settings):
        target = settings.root / "notebooks" / path.name
        fresh = attendee_copy(read_solved(path))
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
    """Write a lesson's original notebook and delete its progress; return the paths of it and a backup."""
    solved = solution(settings, lesson)
    target = settings.root / "notebooks" / solved.name
    backup = _back_up(settings, target) if target.exists() else None
    write_atomically(target, _text(attendee_copy(read_solved(solved))))
    learner_progress.forget(settings, key(solved))
    return str(target.relative_to(settings.root)), backup


def out_of_date(settings: Settings) -> list[str]:
    """Return the names of notebooks that differ from their solutions in more than answers and outputs."""
    stale = []
    for path in handed_out(settings):
        there = _handed_out(settings, path.name)
        if there is None or differences(attendee_copy(read_solved(path)), there):
            stale.append(path.name)
    known = {path.name for path in handed_out(settings)}
    generated = ("[0-9][0-9]_*.ipynb", f"{express.NAME}.ipynb")  # others are an attendee's own
    there_now = {path.name for pattern in generated for path in (settings.root / "notebooks").glob(pattern)}
    left_over = there_now - known
    return sorted(stale + list(left_over))


def differences(fresh: NotebookNode, existing: NotebookNode) -> list[str]:
    """Return the ids of missing, moved or changed cells, without an attendee's own cells."""
    given = [(cell.id, cell.source) for cell in fresh.cells if not is_answer(cell)]
    answers = {cell.id for cell in fresh.cells if is_answer(cell)}
    known = {name for name, _ in given}
    there = [(cell.id, cell.source) for cell in existing.cells if cell.id in known]
    missing = answers - {cell.id for cell in existing.cells}
    if given == there and not missing:
        return []
    return sorted({name for name, _ in set(given) ^ set(there)} | missing) or ["the order of the cells"]


def _keep_answers(fresh: NotebookNode, existing: NotebookNode) -> bool:
    """Copy answers into a fresh notebook; return whether the old one had answers or additional cells."""
    theirs = {cell.id: cell for cell in existing.cells}
    known = {cell.id for cell in fresh.cells}
    found = bool(set(theirs) - known)
    for cell in fresh.cells:
        if is_answer(cell) and cell.id in theirs and theirs[cell.id].source.strip() != STUB:
            cell.source = theirs[cell.id].source
            found = True
    return found


def _handed_out(settings: Settings, name: str) -> NotebookNode | None:
    """Return the attendees' notebook to compare with its solution.

    It is the committed one if only an attendee has worked on the file since, otherwise the file.
    """
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
            f"`workshop reset {key(path)}` restores it; yours is kept.",
        ) from error


def _text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook, version=4) + "\n"
